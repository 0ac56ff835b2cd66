//! A folder of Gateway API YAML as the source of objects.
