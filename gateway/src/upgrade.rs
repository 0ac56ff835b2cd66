//! Connections that became tunnels (WebSocket).
