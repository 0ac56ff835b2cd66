//! Runs the units that a change concerns, in phases, and stops where outputs stay equal.
