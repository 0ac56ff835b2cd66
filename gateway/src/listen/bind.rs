//! Binding one socket.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};

use socket2::{Domain, Protocol, Socket, Type};

/// A listening socket that does not block. The unspecified IPv6 address takes IPv4 as well; where
/// there is no IPv6 it becomes the unspecified IPv4 address.
pub(super) fn bind(address: SocketAddr, backlog: u32) -> io::Result<TcpListener> {
    let both = address.ip() == Ipv6Addr::UNSPECIFIED;
    match bind_one(address, backlog) {
        Err(error) if both && has_no_ipv6(&error) => {
            bind_one((Ipv4Addr::UNSPECIFIED, address.port()).into(), backlog)
        }
        result => result,
    }
}

fn bind_one(address: SocketAddr, backlog: u32) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(address.ip() != Ipv6Addr::UNSPECIFIED)?;
    }
    // Connections of a process before us that the kernel still remembers are no obstacle.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    // Accepted sockets inherit it: responses leave when they are written.
    socket.set_tcp_nodelay(true)?;
    socket.bind(&address.into())?;
    socket.listen(i32::try_from(backlog).unwrap_or(i32::MAX))?;
    Ok(socket.into())
}

fn has_no_ipv6(error: &io::Error) -> bool {
    // EAFNOSUPPORT has no kind of its own; no other failure to make an IPv6 socket is likely.
    !matches!(error.kind(), io::ErrorKind::AddrInUse | io::ErrorKind::PermissionDenied)
}
