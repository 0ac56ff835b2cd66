//! Examples: `NAME.in.yaml` holds objects, `NAME.out.yaml` what follows from them. A new case is a
//! new pair of files; `UPDATE_GOLDEN=1` writes the second.
