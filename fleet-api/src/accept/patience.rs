//! Patience with a connection, which ends: one who does not take what is sent, and one who asks
//! nothing more.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::watch,
    time::{Instant, Sleep, sleep},
};

/// A stream whose writes fail once its peer has taken nothing for so long.
pub(super) struct Patient<S> {
    stream: S,
    within: Duration,
    /// Since a write waits.
    waiting: Option<Pin<Box<Sleep>>>,
}

impl<S> Patient<S> {
    pub(super) fn new(stream: S, within: Duration) -> Self {
        Self { stream, within, waiting: None }
    }

    /// What a write has come to: a wait that lasts too long is the end.
    fn wait<T>(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.waiting = None;
            return written;
        }
        let within = self.within;
        let waiting = self.waiting.get_or_insert_with(|| Box::pin(sleep(within)));
        ready!(waiting.as_mut().poll(cx));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the peer takes nothing")))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.wait(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, pieces);
        self.wait(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// A body that keeps something as long as it is not at its end.
pub(crate) struct Held<T> {
    body: Body,
    held: Option<T>,
}

impl<T> Held<T> {
    pub(crate) fn new(body: Body, held: T) -> Self {
        let held = Some(held).filter(|_| !body.is_end_stream());
        Self { body, held }
    }
}

impl<T: Unpin> HttpBody for Held<T> {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        if frame.is_none() || self.body.is_end_stream() {
            self.held = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// How much one connection asks, and since when nothing.
#[derive(Clone, Debug)]
pub(super) struct Activity(Arc<watch::Sender<Asked>>);

#[derive(Clone, Copy, Debug)]
struct Asked {
    /// Requests that are not answered to the end.
    open: usize,
    /// When that changed last.
    since: Instant,
}

/// One request, from its head to the end of its answer.
pub(super) struct Open(Activity);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.change(|open| open.saturating_sub(1));
    }
}

impl Activity {
    #[allow(clippy::disallowed_methods, reason = "a connection's age is tokio's own time")]
    pub(super) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(Asked { open: 0, since: Instant::now() })))
    }

    #[allow(clippy::disallowed_methods, reason = "a connection's age is tokio's own time")]
    fn change(&self, by: impl Fn(usize) -> usize) {
        let next =
            |asked: &mut Asked| *asked = Asked { open: by(asked.open), since: Instant::now() };
        self.0.send_modify(next);
    }

    pub(super) fn open(&self) -> Open {
        self.change(|open| open + 1);
        Open(self.clone())
    }

    /// Resolves once nothing has been asked for so long, and nothing is being answered.
    pub(super) async fn idle(&self, within: Duration) {
        let mut told = self.0.subscribe();
        loop {
            let asked = *told.borrow_and_update();
            let changed = told.changed();
            tokio::select! {
                () = tokio::time::sleep_until(asked.since + within), if asked.open == 0 => return,
                changed = changed => if changed.is_err() { return },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    const WITHIN: Duration = Duration::from_secs(20);

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_takes_nothing_is_given_up_and_a_slow_one_is_not() {
        let (ours, _theirs) = duplex(8);
        let stalled = Patient::new(ours, WITHIN).write_all(&[0; 64]).await;
        assert_eq!(stalled.expect_err("nobody reads").kind(), io::ErrorKind::TimedOut);

        let (ours, mut theirs) = duplex(8);
        let reading = async {
            for _ in 0..8 {
                sleep(WITHIN - Duration::from_secs(1)).await;
                theirs.read_exact(&mut [0; 8]).await.expect("sent");
            }
        };
        let mut patient = Patient::new(ours, WITHIN);
        let (written, ()) = tokio::join!(patient.write_all(&[0; 64]), reading);
        written.expect("each piece in time");
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_being_answered_is_not_idle() {
        let activity = Activity::new();
        let open = activity.open();
        let idle = activity.idle(WITHIN);
        tokio::pin!(idle);
        let waited = tokio::time::timeout(WITHIN * 9, &mut idle).await;
        assert!(waited.is_err(), "a request is open");
        drop(open);
        let waited = tokio::time::timeout(WITHIN / 2, &mut idle).await;
        assert!(waited.is_err(), "only just done");
        tokio::time::timeout(WITHIN, idle).await.expect("nothing is asked");
    }
}
