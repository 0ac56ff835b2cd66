//! How many files this process may have open.

/// `RLIMIT_NOFILE`, as the kernel shows it; `None` where it does not.
pub(super) fn most() -> Option<usize> {
    parse(&std::fs::read_to_string("/proc/self/limits").ok()?)
}

fn parse(limits: &str) -> Option<usize> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn the_soft_limit_is_read() {
        let limits = "Limit                     Soft Limit           Hard Limit           Units\n\
            Max processes             127235               127235               processes\n\
            Max open files            1024                 1048576              files\n";
        assert_eq!(parse(limits), Some(1024));
        assert_eq!(parse("Max open files            unlimited  unlimited  files"), None);
        assert_eq!(parse(""), None);
    }
}
