//! What an API server would refuse: structure, defaults and rules of the kinds we read.
