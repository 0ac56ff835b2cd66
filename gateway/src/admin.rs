//! The admin address: health, readiness, metrics, JSON views. Read-only.
