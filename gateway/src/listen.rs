//! Listening sockets that appear and vanish while traffic runs.
