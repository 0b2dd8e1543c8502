//! From a request to its answer. Every answer says what it is, how long it may be kept and by which tag it is known
//! again; an error is one line of text. Waiting for a disk is done on other threads than answering.

use std::net::IpAddr;
use std::sync::Arc;

use hyper::body::{Bytes, Incoming};
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, StatusCode, Version};

use super::address::{self, Reached};
use super::body::{Body, Full, Room};
use super::clients::{Clients, Held};
use super::headers::{Condition, Wanted, condition, tag_of, wanted};
use super::hosts::Hosts;
use super::layers::{Layer, Layers, Named};
use super::origins::{Note, Origins, Strangers};
use super::page::Page;
use super::places;
use super::route::{self, Route};
use super::tile_json::{SIDE, covers, ending, tile_json};
use crate::container::read::{About, Container, Kind, TileSource, Trouble, Wait};
use crate::error::{Error, Result};
use crate::tile::TileCoord;

const TEXT: &str = "text/plain; charset=utf-8";
const PNG: &str = "image/png";

/// Everything answers are made from.
#[derive(Debug)]
pub(super) struct App {
    layers: Layers,
    page: Page,
    origins: Origins,
    hosts: Hosts,
    strangers: Strangers,
    transparent: bool,
    keep: HeaderValue,
    trust_forwarded: bool,
    /// Clients of a proxy that is believed, by their requests.
    clients: Arc<Clients>,
    room: Room,
}

/// A status and a line that says why.
struct Refusal(StatusCode, String);

type Answer = Result<Response<Body>, Refusal>;

impl From<Trouble> for Refusal {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Waits => Self(StatusCode::SERVICE_UNAVAILABLE, "the disk did not answer".to_owned()),
            Trouble::Unavailable(problem) => {
                Self(StatusCode::SERVICE_UNAVAILABLE, format!("this layer cannot be read now: {problem}"))
            }
            Trouble::Damaged(problem) => Self(StatusCode::INTERNAL_SERVER_ERROR, problem),
        }
    }
}

impl App {
    pub(super) fn new(request: &super::Request, layers: Layers, note: Note) -> Result<Self> {
        let keep = match request.max_age {
            0 => "no-cache".to_owned(),
            seconds => format!("public, max-age={seconds}"),
        };
        Ok(Self {
            page: Page::new(&layers.named, &request.library)?,
            layers,
            origins: Origins::new(&request.cors)?,
            hosts: Hosts::new(&request.host, &request.allow_hosts)?,
            strangers: Strangers::new(note),
            transparent: request.transparent,
            keep: HeaderValue::from_str(&keep).map_err(|e| Error::Internal(e.to_string()))?,
            trust_forwarded: request.trust_forwarded,
            clients: Clients::new(places::places()),
            room: Room::for_all(),
        })
    }

    pub(super) fn trust_forwarded(&self) -> bool {
        self.trust_forwarded
    }

    pub(super) fn layers(&self) -> &[Named] {
        &self.layers.named
    }

    /// Answers a request that came from `peer`.
    pub(super) async fn answer(&self, request: &Request<Incoming>, peer: IpAddr) -> Response<Body> {
        let client = self.client(request.headers(), peer);
        let decided = match self.enter(client) {
            Ok(held) => self.decide(request, client).await.map(|mut answer| {
                answer.body_mut().held = held;
                answer
            }),
            Err(refusal) => Err(refusal),
        };
        let answer = decided.unwrap_or_else(|Refusal(status, problem)| {
            let mut refusal = plain(status, TEXT, problem + "\n");
            refusal.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
            if status == StatusCode::METHOD_NOT_ALLOWED {
                refusal.headers_mut().insert(header::ALLOW, self.methods());
            }
            refusal
        });
        self.finish(answer, request.headers())
    }

    /// Whose request it is: the one that a proxy speaks for, if it is believed.
    fn client(&self, headers: &HeaderMap, peer: IpAddr) -> IpAddr {
        self.trust_forwarded.then(|| address::client(headers)).flatten().unwrap_or(peer)
    }

    /// A place for a client of a proxy; without one its connection has a place.
    fn enter(&self, client: IpAddr) -> Result<Option<Held>, Refusal> {
        if !self.trust_forwarded {
            return Ok(None);
        }
        match self.clients.enter(client) {
            None => refuse(StatusCode::TOO_MANY_REQUESTS, "this address has as many requests under way as it may have"),
            held => Ok(held),
        }
    }

    async fn decide(&self, request: &Request<Incoming>, client: IpAddr) -> Answer {
        let ask = request.method() == Method::OPTIONS && !self.origins.is_empty();
        if !ask && !matches!(*request.method(), Method::GET | Method::HEAD) {
            return refuse(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD are answered here");
        }
        let headers = request.headers();
        let reached = self.reached(request)?;
        if self.origins.allowed(headers).is_none() {
            self.strangers.see(headers, reached.map(|reached| reached.authority()));
        }
        if ask {
            return Ok(self.preflight());
        }
        match Route::of(request.uri().path()) {
            Route::Page => self.page(headers),
            Route::Health => self.health(),
            Route::States => Ok(self.states().await),
            Route::Library(file) => self.library(file, headers),
            Route::TileJson(layer) => self.tile_json(layer, request, client).await,
            Route::Archive(layer) => self.archive(layer, headers).await,
            Route::Legend(layer) => self.legend(layer, headers, client).await,
            Route::Tile(layer, tile, wanted) => self.tile(layer, tile, wanted, headers, client).await,
            Route::Unknown => refuse(StatusCode::NOT_FOUND, "there is nothing at this address"),
            Route::Nonsense(problem) => refuse(StatusCode::BAD_REQUEST, problem),
        }
    }

    /// The address that was asked, which must be one of ours. `None` for an old client that names none.
    fn reached<'a>(&self, request: &'a Request<Incoming>) -> Result<Option<Reached<'a>>, Refusal> {
        let headers = request.headers();
        if request.version() == Version::HTTP_11 && headers.get_all(header::HOST).iter().count() != 1 {
            return refuse(StatusCode::BAD_REQUEST, "a request has one Host");
        }
        let authority = request.uri().authority().map(hyper::http::uri::Authority::as_str);
        if authority.is_none() && !headers.contains_key(header::HOST) {
            return Ok(None);
        }
        let Some(reached) = Reached::of(headers, authority, self.trust_forwarded) else {
            return refuse(StatusCode::BAD_REQUEST, "the request names no host that could be in an address");
        };
        let name = reached.name();
        if !self.hosts.ours(name) {
            let problem = format!("this server does not answer for '{name}'; --allow-host {name} lets it");
            return refuse(StatusCode::MISDIRECTED_REQUEST, &problem);
        }
        Ok(Some(reached))
    }

    fn page(&self, headers: &HeaderMap) -> Answer {
        let page = &self.page;
        let mut answer = tagged(headers, &page.tag, "text/html; charset=utf-8", page.text.clone())?;
        insert(&mut answer, header::CONTENT_SECURITY_POLICY, &page.policy);
        answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        Ok(answer)
    }

    fn library(&self, file: &str, headers: &HeaderMap) -> Answer {
        match self.page.library.iter().find(|(name, ..)| *name == file) {
            Some((_, kind, bytes)) => tagged(headers, &tag_of(bytes), kind, bytes.clone()),
            None => refuse(StatusCode::NOT_FOUND, "there is nothing at this address"),
        }
    }

    /// Whether every layer is what it was or could be opened anew.
    fn health(&self) -> Answer {
        for layer in self.layers.iter() {
            let problem = match layer.source.about(Wait::Never) {
                _ if layer.gate.hangs() => Some(Trouble::Waits),
                Ok(_) | Err(Trouble::Waits) => None,
                Err(trouble) => Some(trouble),
            };
            if let Some(Refusal(_, problem)) = problem.map(Refusal::from) {
                return refuse(StatusCode::SERVICE_UNAVAILABLE, &format!("{}: {problem}", layer.name));
            }
        }
        let mut answer = plain(StatusCode::OK, TEXT, "ok\n");
        answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Ok(answer)
    }

    /// A short name for the state of each layer, null where it cannot be read now. It is asked every second or so: a layer
    /// whose disk hangs is not waited for.
    async fn states(&self) -> Response<Body> {
        let mut states = std::collections::BTreeMap::new();
        for layer in self.layers.iter() {
            let state = if layer.gate.hangs() { None } else { self.ask(layer, TileSource::state).await.ok() };
            states.insert(layer.name.as_str(), state.map(|state| format!("{state:016x}")));
        }
        let mut answer = plain(StatusCode::OK, "application/json", serde_json::json!(states).to_string());
        answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        answer
    }

    async fn tile_json(&self, layer: &str, request: &Request<Incoming>, client: IpAddr) -> Answer {
        let layer = self.layer(layer)?;
        let about = self.ask(layer, TileSource::about).await?;
        let Some(base) = self.reached(request)?.and_then(|reached| reached.base()) else {
            return refuse(StatusCode::BAD_REQUEST, "the request names no host that could be in an address");
        };
        let text = tile_json(&about, &layer.title, &layer.address, &base)
            .map_err(|e| Refusal(StatusCode::INTERNAL_SERVER_ERROR, e.to_string()))?;
        self.tagged(layer, client, request.headers(), "application/json", text.into_bytes())
    }

    async fn tile(
        &self,
        layer: &str,
        tile: TileCoord,
        wanted: route::Wanted,
        headers: &HeaderMap,
        client: IpAddr,
    ) -> Answer {
        let layer = self.layer(layer)?;
        let found = self.ask(layer, move |source, wait| read(source, tile, wanted, wait)).await;
        let found = found.map_err(|Refusal(status, problem)| match status {
            StatusCode::INTERNAL_SERVER_ERROR => Refusal(status, format!("tile {tile} of {}: {problem}", layer.name)),
            _ => Refusal(status, problem),
        })?;
        match found {
            Found::Picture(kind, bytes) => self.tagged(layer, client, headers, kind.media_type(), bytes),
            Found::Absent(kind, side) if self.transparent => {
                let bytes = kind.transparent(side);
                let kind = Kind::of(&bytes).unwrap_or(kind);
                self.tagged(layer, client, headers, kind.media_type(), bytes)
            }
            Found::Absent(..) => match condition(headers, None) {
                Condition::Fails => other(),
                _ => Ok(empty(StatusCode::NO_CONTENT)),
            },
            Found::Outside => refuse(StatusCode::NOT_FOUND, "this tile is outside of the layer's zooms or bounds"),
            Found::Otherwise(ending) => {
                let problem = format!("tiles of this layer are at /{}/{{z}}/{{x}}/{{y}}{ending}", layer.address);
                refuse(StatusCode::NOT_FOUND, &problem)
            }
        }
    }

    async fn legend(&self, layer: &str, headers: &HeaderMap, client: IpAddr) -> Answer {
        let layer = self.layer(layer)?;
        let about = self.ask(layer, TileSource::about).await?;
        let none = || {
            let doubt = about.doubt.as_ref().map(|doubt| format!(": {doubt}")).unwrap_or_default();
            refuse(StatusCode::NOT_FOUND, &format!("this layer has no picture of its legend{doubt}"))
        };
        if about.container == Container::Folder {
            return match self.ask(layer, TileSource::legend).await? {
                Some(png) => self.tagged(layer, client, headers, PNG, png),
                None => none(),
            };
        }
        // A file has no room for a picture; it is drawn from what the set says of its colours.
        let picture = match layer.drawn(&about) {
            Some(picture) => picture,
            None => {
                let (layer, about) = (layer.clone(), about.clone());
                let gate = layer.gate.clone();
                gate.pass(move || layer.draw(&about)).await.unwrap_or(Err(Trouble::Waits))?
            }
        };
        match picture {
            Some(png) => tagged(headers, &tag_of(&png), PNG, png),
            None => none(),
        }
    }

    async fn archive(&self, layer: &str, headers: &HeaderMap) -> Answer {
        let layer = self.layer(layer)?;
        let Some(file) = self.ask(layer, TileSource::whole).await? else {
            return refuse(StatusCode::NOT_FOUND, "this layer is no PMTiles file");
        };
        let tag = format!("\"{:016x}\"", file.state());
        match condition(headers, Some(&tag)) {
            Condition::Holds => {}
            Condition::Known => return Ok(not_modified(&tag)),
            Condition::Fails => return other(),
        }
        let length = file.length();
        let range = wanted(text(headers, header::RANGE), text(headers, header::IF_RANGE), &tag, length);
        let (status, from, to) = match range {
            Wanted::Whole => (StatusCode::OK, 0, length),
            Wanted::Part(from, to) => (StatusCode::PARTIAL_CONTENT, from, to),
            Wanted::Unsatisfiable => {
                let mut answer = plain(StatusCode::RANGE_NOT_SATISFIABLE, TEXT, "the file has no such bytes\n");
                insert(&mut answer, header::CONTENT_RANGE, &format!("bytes */{length}"));
                return Ok(answer);
            }
        };
        let mut answer = Response::new(Body::file(file, layer.gate.clone(), from, to));
        *answer.status_mut() = status;
        insert(&mut answer, header::CONTENT_TYPE, "application/vnd.pmtiles");
        insert(&mut answer, header::ETAG, &tag);
        insert(&mut answer, header::ACCEPT_RANGES, "bytes");
        if status == StatusCode::PARTIAL_CONTENT {
            insert(&mut answer, header::CONTENT_RANGE, &format!("bytes {from}-{}/{length}", to - 1));
        }
        Ok(answer)
    }

    fn layer(&self, name: &str) -> Result<&Arc<Layer>, Refusal> {
        self.layers.find(name).ok_or_else(|| Refusal(StatusCode::NOT_FOUND, "there is no such layer".to_owned()))
    }

    /// Asks a layer: at once where nothing has to be waited for, else on a thread that may wait.
    async fn ask<T, F>(&self, layer: &Arc<Layer>, read: F) -> Result<T, Refusal>
    where
        T: Send + 'static,
        F: Fn(&TileSource, Wait) -> Result<T, Trouble> + Send + 'static,
    {
        match read(&layer.source, Wait::Never) {
            Err(Trouble::Waits) => {}
            answer => return Ok(answer?),
        }
        let waiting = layer.clone();
        let answer = layer.gate.pass(move || read(&waiting.source, Wait::Allowed)).await;
        Ok(answer.unwrap_or(Err(Trouble::Waits))?)
    }

    /// The bytes, or only that they have not changed.
    fn tagged(&self, layer: &Layer, client: IpAddr, asked: &HeaderMap, kind: &str, bytes: Vec<u8>) -> Answer {
        let tag = tag_of(&bytes);
        match self.room.place(&layer.room, client, bytes) {
            Ok(bytes) => tagged(asked, &tag, kind, bytes),
            Err(Full::Client) => refuse(
                StatusCode::SERVICE_UNAVAILABLE,
                "this address has as many large answers under way as it may have; ask again soon",
            ),
            Err(Full::All) => {
                refuse(StatusCode::SERVICE_UNAVAILABLE, "too many large answers are under way; ask again soon")
            }
        }
    }

    fn methods(&self) -> HeaderValue {
        HeaderValue::from_static(if self.origins.is_empty() { "GET, HEAD" } else { "GET, HEAD, OPTIONS" })
    }

    /// The answer to a browser that asks whether it may ask.
    fn preflight(&self) -> Response<Body> {
        let mut answer = empty(StatusCode::NO_CONTENT);
        let headers = answer.headers_mut();
        headers.insert(header::ALLOW, self.methods());
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, self.methods());
        let allowed = "Range, If-Range, If-None-Match, If-Match, Cache-Control";
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(allowed));
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
        answer
    }

    /// What every answer has.
    fn finish(&self, mut answer: Response<Body>, asked: &HeaderMap) -> Response<Body> {
        let headers = answer.headers_mut();
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        if !headers.contains_key(header::CACHE_CONTROL) {
            headers.insert(header::CACHE_CONTROL, self.keep.clone());
        }
        if self.origins.is_empty() {
            return answer;
        }
        if !self.origins.any() {
            headers.insert(header::VARY, HeaderValue::from_static("Origin"));
        }
        if let Some(origin) = self.origins.allowed(asked) {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            let exposed = "ETag, Content-Length, Content-Range, Accept-Ranges";
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(exposed));
        }
        answer
    }
}

/// What was found where a tile was looked for.
enum Found {
    Picture(Kind, Vec<u8>),
    /// There are no points; what a tile would be that shows none.
    Absent(Kind, u32),
    Outside,
    /// The layer's tiles have another ending, this one.
    Otherwise(String),
}

/// Looks for a tile. What it is it says itself; what cannot be told is what all of the layer's are.
fn read(source: &TileSource, tile: TileCoord, wanted: route::Wanted, wait: Wait) -> Result<Found, Trouble> {
    let bytes = source.tile(tile, wanted.dense, wait)?;
    let kind = bytes.as_deref().and_then(Kind::of);
    Ok(match bytes {
        Some(bytes) if kind == Some(wanted.kind) => Found::Picture(wanted.kind, bytes),
        bytes => {
            // Only now, because spread may light tiles beyond the box around the points.
            let about: &About = &*source.about(wait)?;
            if wanted.kind != about.kind || (wanted.dense && !about.dense) {
                return Ok(Found::Otherwise(ending(about)));
            }
            match bytes {
                Some(bytes) => Found::Picture(kind.unwrap_or(about.kind), bytes),
                None if covers(about, tile) => {
                    let side = about.side.unwrap_or(SIDE);
                    Found::Absent(about.kind, if wanted.dense && !about.dense_only { 2 * side } else { side })
                }
                None => Found::Outside,
            }
        }
    })
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name).and_then(|v| v.to_str().ok())
}

fn insert(answer: &mut Response<Body>, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        answer.headers_mut().insert(name, value);
    }
}

fn refuse<T>(status: StatusCode, problem: &str) -> Result<T, Refusal> {
    Err(Refusal(status, problem.to_owned()))
}

fn empty(status: StatusCode) -> Response<Body> {
    let mut answer = Response::new(Body::of(Bytes::new()));
    *answer.status_mut() = status;
    answer
}

fn plain(status: StatusCode, kind: &str, body: impl Into<String>) -> Response<Body> {
    let mut answer = Response::new(Body::of(body.into()));
    *answer.status_mut() = status;
    insert(&mut answer, header::CONTENT_TYPE, kind);
    answer
}

fn not_modified(tag: &str) -> Response<Body> {
    let mut answer = empty(StatusCode::NOT_MODIFIED);
    insert(&mut answer, header::ETAG, tag);
    answer
}

/// That the client goes on with something else than there is.
fn other() -> Answer {
    refuse(StatusCode::PRECONDITION_FAILED, "what is here is not what If-Match names")
}

/// The bytes, or only that they have not changed.
fn tagged(asked: &HeaderMap, tag: &str, kind: &str, bytes: Bytes) -> Answer {
    match condition(asked, Some(tag)) {
        Condition::Holds => {}
        Condition::Known => return Ok(not_modified(tag)),
        Condition::Fails => return other(),
    }
    let mut answer = Response::new(Body::of(bytes));
    insert(&mut answer, header::CONTENT_TYPE, kind);
    insert(&mut answer, header::ETAG, tag);
    Ok(answer)
}
