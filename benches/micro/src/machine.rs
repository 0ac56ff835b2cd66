//! What else decides how many instructions a case takes: counts of two machines that differ in it
//! cannot be compared.

use std::process::Command;

/// Architecture, toolchain, valgrind and C library, in one line.
pub(crate) fn describe() -> String {
    let first_line = |program: &str, argument: &str| {
        let output = Command::new(program).arg(argument).output();
        let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
        text.ok()
            .and_then(|text| text.lines().next().map(str::to_owned))
            .unwrap_or_else(|| format!("no {program}"))
    };
    let tools = [("rustc", "--version"), ("valgrind", "--version"), ("ldd", "--version")];
    let tools = tools.map(|(program, argument)| first_line(program, argument));
    format!("{}{}, {}", std::env::consts::ARCH, vectors(), tools.join(", "))
}

/// Text search and copies choose among forms of themselves by this.
fn vectors() -> &'static str {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        return " with AVX2";
    }
    ""
}
