//! Backends as routes hold them: shared, swapped in place, alive across tables.
