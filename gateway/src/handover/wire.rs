//! Messages between two processes, and the file descriptors that go with them.
//!
//! A message is its length (four bytes, most significant first) and as many bytes of JSON. A peer
//! that sends more than a bound, or descriptors that nobody announced, is refused.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use serde::{Deserialize, Serialize};
use snapshot::{Drain, DrainKey};
use tokio::io::Interest;
use tokio::net::UnixStream;

use super::{Error, Purpose};

/// Bytes of one message. 64 KiB: three times what [`MAX_FDS`] sockets with their addresses need.
const MAX_MESSAGE: usize = 64 << 10;
/// Descriptors that go with one message; the kernel takes 253.
pub(super) const MAX_FDS: usize = 128;
/// Bytes read in one go.
const READ: usize = 4 << 10;

/// What the processes say to each other.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Message {
    /// May I take over?
    Hello { protocol: u32, release: String },
    /// No, because.
    Refused { reason: String },
    /// Yes; so many sockets follow.
    Offer { release: String, sockets: usize, session_key: Option<[u8; 32]>, older: u32 },
    /// These descriptors are in this order.
    Sockets { sockets: Vec<(Purpose, SocketAddr)> },
    /// My tables are complete.
    Ready,
    /// These endpoints take nothing new; before `Go`.
    Drains { drains: Vec<(DrainKey, Drain)> },
    /// Accept.
    Go,
    /// I do.
    Serving,
}

/// One connection between two processes.
pub(super) struct Wire {
    stream: UnixStream,
    /// What was read and is no whole message yet.
    bytes: Vec<u8>,
    /// Descriptors that came with it.
    fds: VecDeque<OwnedFd>,
}

impl Wire {
    /// Speaks on `stream` if the other end runs as the same user; the id of its process.
    pub(super) fn new(stream: UnixStream) -> Result<(Self, i32), Error> {
        let peer = stream.peer_cred()?;
        if peer.uid() != rustix::process::geteuid().as_raw() {
            return Err(Error::Stranger(peer.uid()));
        }
        let pid = peer.pid().unwrap_or_default();
        Ok((Self { stream, bytes: Vec::new(), fds: VecDeque::new() }, pid))
    }

    pub(super) async fn send(&mut self, message: &Message) -> Result<(), Error> {
        self.send_with(message, &[]).await
    }

    /// Sends a message with at most [`MAX_FDS`] descriptors.
    pub(super) async fn send_with(
        &mut self,
        message: &Message,
        fds: &[BorrowedFd<'_>],
    ) -> Result<(), Error> {
        let text = serde_json::to_vec(message).expect("a message fits into JSON");
        let length = u32::try_from(text.len()).expect("messages are small");
        let bytes = [&length.to_be_bytes()[..], &text].concat();
        let mut sent = 0;
        while sent < bytes.len() {
            let (rest, fds) = (&bytes[sent..], if sent == 0 { fds } else { &[] });
            let write = || send_some(self.stream.as_fd(), rest, fds);
            sent += self.stream.async_io(Interest::WRITABLE, write).await?;
        }
        Ok(())
    }

    /// The next message. An error at the end of the connection.
    pub(super) async fn receive(&mut self) -> Result<Message, Error> {
        loop {
            if let Some(message) = self.take()? {
                return Ok(message);
            }
            let mut buffer = vec![0; READ];
            let (stream, fds) = (&self.stream, &mut self.fds);
            let read = || receive_some(stream.as_fd(), &mut buffer, fds);
            match stream.async_io(Interest::READABLE, read).await? {
                0 => return Err(io::Error::from(ErrorKind::UnexpectedEof).into()),
                read => self.bytes.extend_from_slice(&buffer[..read]),
            }
            if self.fds.len() > MAX_FDS {
                return Err(Error::Protocol("more descriptors than a message may have"));
            }
        }
    }

    /// The descriptors of the message received last.
    pub(super) fn take_fds(&mut self) -> impl Iterator<Item = OwnedFd> {
        self.fds.drain(..)
    }

    /// A whole message, if there is one.
    fn take(&mut self) -> Result<Option<Message>, Error> {
        let Some((length, rest)) = self.bytes.split_first_chunk() else { return Ok(None) };
        let length = u32::from_be_bytes(*length) as usize;
        if length > MAX_MESSAGE {
            return Err(Error::Protocol("a message is too long"));
        }
        let Some(text) = rest.get(..length) else { return Ok(None) };
        let message = serde_json::from_slice(text).map_err(|_| Error::Protocol("no message"))?;
        self.bytes.drain(..4 + length);
        Ok(Some(message))
    }
}

fn send_some(to: BorrowedFd<'_>, bytes: &[u8], fds: &[BorrowedFd<'_>]) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_FDS))];
    let mut with = SendAncillaryBuffer::new(&mut space);
    if !fds.is_empty() && !with.push(SendAncillaryMessage::ScmRights(fds)) {
        return Err(ErrorKind::InvalidInput.into());
    }
    Ok(sendmsg(to, &[IoSlice::new(bytes)], &mut with, SendFlags::NOSIGNAL)?)
}

fn receive_some(
    from: BorrowedFd<'_>,
    buffer: &mut [u8],
    fds: &mut VecDeque<OwnedFd>,
) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_FDS))];
    let mut with = RecvAncillaryBuffer::new(&mut space);
    let mut parts = [IoSliceMut::new(buffer)];
    let read = recvmsg(from, &mut parts, &mut with, RecvFlags::CMSG_CLOEXEC)?;
    for message in with.drain() {
        if let RecvAncillaryMessage::ScmRights(list) = message {
            fds.extend(list);
        }
    }
    if read.flags.contains(ReturnFlags::CTRUNC) {
        return Err(io::Error::new(ErrorKind::InvalidData, "descriptors were lost"));
    }
    Ok(read.bytes)
}
