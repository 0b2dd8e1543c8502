//! Tile sets over HTTP: a map page, tiles, TileJSON and whole PMTiles files, for a browser on this machine or for the
//! world behind a proxy. What a request means is in `route`, what is answered in `answer`, who may connect and for how
//! long in `connections`. Reading the sets is the container's work, telling a person about it the command line's.

mod address;
mod answer;
mod body;
mod clients;
mod connections;
mod gate;
mod headers;
mod hosts;
mod layers;
mod origins;
mod page;
mod places;
mod route;
mod tile_json;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;

use self::answer::App;
use self::layers::Layers;
pub use self::layers::Named;
pub use crate::container::library::Library;
use crate::error::{Error, Result};
use crate::monitor::Monitor;

/// Which sets to serve, where and to whom.
#[derive(Debug, Clone)]
pub struct Request {
    /// Folders of tiles, PMTiles and MBTiles files.
    pub paths: Vec<PathBuf>,
    /// Names of the first of them, in their order; others are named as their files.
    pub names: Vec<String>,
    /// Whether a tile without points is a transparent picture, not an answer without one.
    pub transparent: bool,
    /// Name or address to listen on.
    pub host: String,
    /// Port to listen on; 0 lets the system pick one.
    pub port: u16,
    /// Origins whose pages may read what is served; `*` for any.
    pub cors: Vec<String>,
    /// Names under which the server may be asked, besides all addresses, localhost and the machine's own.
    pub allow_hosts: Vec<String>,
    /// Whether `Forwarded` and `X-Forwarded-*` are believed.
    pub trust_forwarded: bool,
    /// Seconds for which a browser need not ask again; 0 makes it ask every time.
    pub max_age: u32,
    /// Where the page loads OpenLayers from.
    pub library: Library,
    /// How long a client may stay silent, and how long it may leave an answer unread.
    pub patience: Duration,
}

/// What is served, once it is.
#[derive(Debug)]
pub struct Serving<'a> {
    /// The address that listens.
    pub address: SocketAddr,
    /// The layers, in the order of the paths.
    pub layers: &'a [Named],
}

/// Serves until `monitor` is cancelled; `ready` is called once connections are accepted, `note` with every line that somebody
/// should read meanwhile.
pub fn run(
    request: &Request,
    monitor: &Monitor,
    note: impl Fn(&str) + Send + Sync + 'static,
    ready: impl FnOnce(&Serving<'_>),
) -> Result<()> {
    let host = address::to_listen(&request.host)?;
    let layers = Layers::open(&request.paths, &request.names, monitor)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        // Each layer has its own: more are never asked for.
        .max_blocking_threads(request.paths.len().max(1).saturating_mul(gate::THREADS))
        .enable_io()
        .enable_time()
        .build()
        .map_err(|e| Error::Limit(format!("cannot start threads to serve with: {e}")))?;
    let app = Arc::new(App::new(request, layers, Box::new(note))?);
    let served = runtime.block_on(async {
        let listener = listen(host, request.port).await?;
        let address = listener.local_addr().map_err(|e| Error::Output(format!("cannot listen: {e}")))?;
        ready(&Serving { address, layers: app.layers() });
        connections::accept(listener, &app, request.patience, monitor).await;
        Ok(())
    });
    // A disk that does not answer must not keep the program from ending.
    runtime.shutdown_timeout(Duration::from_millis(50));
    served
}

async fn listen(host: &str, port: u16) -> Result<TcpListener> {
    TcpListener::bind((host, port)).await.map_err(|e| {
        let advice = if e.kind() == std::io::ErrorKind::AddrInUse { "; choose another --port, or 0" } else { "" };
        Error::Output(format!("cannot listen on {host} port {port}: {e}{advice}"))
    })
}
