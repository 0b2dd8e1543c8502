//! Who may connect and for how long: a bounded number of connections, of which each address may have a share, each with
//! a bounded buffer, none of them silent or unread for longer than the server's patience; and a stop that lets answers
//! under way finish.

use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, Sleep};

use super::answer::App;
use super::clients::Clients;
use crate::monitor::Monitor;

/// Most bytes of a request's headers.
const HEADERS: usize = 16 << 10;
/// How long answers under way may take after the wish to stop: the program is to be gone within a second.
const LAST_ORDERS: Duration = Duration::from_millis(350);
/// How often the wish to stop is looked for.
const LOOK: Duration = Duration::from_millis(50);

/// What a client hears that has its share of connections.
fn enough() -> String {
    let problem = "this address has as many connections as it may have\n";
    format!(
        "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{problem}",
        problem.len()
    )
}

/// Accepts connections until `monitor` is cancelled, then lets those under way finish.
pub(super) async fn accept(listener: TcpListener, app: &Arc<App>, patience: Duration, monitor: &Monitor) {
    let most = super::places::places();
    let clients = Clients::new(most);
    let places = Arc::new(Semaphore::new(most));
    let (stop, stopping) = watch::channel(false);
    let mut look = tokio::time::interval(LOOK);
    let mut next = None;
    loop {
        let accepted = async {
            let place = match next.take() {
                Some(place) => Some(place),
                None => places.clone().acquire_owned().await.ok(),
            };
            // Kept if the other branch comes first: a place that was waited for is not lost.
            next = place;
            listener.accept().await
        };
        tokio::select! {
            accepted = accepted => match accepted {
                Ok((stream, peer)) => {
                    // All of a proxy's connections come from one address: it is the requests that are counted then.
                    let held = if app.trust_forwarded() { Ok(None) } else { clients.enter(peer.ip()).map(Some).ok_or(()) };
                    let Ok(held) = held else {
                        let _ = stream.try_write(enough().as_bytes());
                        continue;
                    };
                    let place = next.take();
                    let serving = serve(stream, peer.ip(), app.clone(), patience, stopping.clone());
                    tokio::spawn(async move {
                        serving.await;
                        drop((place, held));
                    });
                }
                // No more files, or the client is gone already: go on, but not in a circle.
                Err(_) => tokio::time::sleep(LOOK).await,
            },
            _ = look.tick() => if monitor.check().is_err() { break },
        }
    }
    drop((listener, next));
    let _ = stop.send(true);
    let everyone = u32::try_from(most).unwrap_or(u32::MAX);
    let _ = tokio::time::timeout(LAST_ORDERS, places.acquire_many(everyone)).await;
}

async fn serve(
    stream: TcpStream,
    peer: IpAddr,
    app: Arc<App>,
    patience: Duration,
    mut stopping: watch::Receiver<bool>,
) {
    let _ = stream.set_nodelay(true);
    let stream = Impatient { stream, patience, unread: None };
    let answer = service_fn(move |request| {
        let app = app.clone();
        async move { Ok::<_, std::convert::Infallible>(app.answer(&request, peer).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(patience)
        .max_buf_size(HEADERS)
        // A client may close its side once it has asked, and still wait for the answer.
        .half_close(true)
        .serve_connection(TokioIo::new(stream), answer);
    tokio::pin!(connection);
    // What goes wrong on a connection is the client's doing: there is nobody to tell.
    tokio::select! {
        _ = connection.as_mut() => {}
        _ = async { stopping.wait_for(|stop| *stop).await.map(|_| ()) } => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }
}

/// A stream that fails when the other side takes nothing for too long.
struct Impatient {
    stream: TcpStream,
    patience: Duration,
    unread: Option<Pin<Box<Sleep>>>,
}

impl Impatient {
    fn judge<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.unread = None;
            return written;
        }
        let deadline = Instant::now() + self.patience;
        let unread = self.unread.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
        match unread.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl AsyncRead for Impatient {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, to: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, to)
    }
}

impl AsyncWrite for Impatient {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.judge(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bytes);
        self.judge(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.judge(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let closed = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.judge(cx, closed)
    }
}
