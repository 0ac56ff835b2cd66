"""Tables for people, and one JSON file with the same figures."""

import json


class Report:
    def __init__(self):
        self.figures = {}

    def traffic(self, name, title, rows):
        self.figures[name] = rows
        print(f"\n{name}  {title}")
        print(f"{'':30}{'µs CPU/req':>12}{'(spread)':>16}{'req/s':>9}"
              f"{'p50 ms':>9}{'p99':>8}{'p99.9':>8}{'MiB':>7}{'failed':>8}")
        for who, row in rows.items():
            spread = f"{row['least']:.1f}-{row['most']:.1f}"
            print(f"{who:30}{row['us']:12.1f}{spread:>16}{row['rate']:9.0f}"
                  f"{row['p50']:9.2f}{row['p99']:8.2f}{row['p999']:8.2f}"
                  f"{row['mib']:7.1f}{row['failed']:8}")
        peers = {who: row["us"] for who, row in rows.items() if not who.startswith("headgate")}
        if peers and "headgate" in rows:
            best = min(peers, key=peers.get)
            ratio = rows["headgate"]["us"] / peers[best]
            print(f"{'':30}headgate / {best}: {ratio:.2f}", flush=True)

    def lines(self, name, title, rows):
        """Figures of other kinds: a line of words and numbers each."""
        self.figures[name] = rows
        print(f"\n{name}  {title}")
        for who, row in rows.items():
            text = ", ".join(f"{key} {_number(value)}" for key, value in row.items())
            print(f"{who:30}  {text}", flush=True)

    def save(self, path):
        path.write_text(json.dumps(self.figures, indent=1, ensure_ascii=False) + "\n")


def _number(value):
    return f"{value:,.1f}" if isinstance(value, float) else str(value)
