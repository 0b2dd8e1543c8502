//! From a request to its answer. Every answer says what it is, how long it may be kept and by which tag it is known
//! again; an error is one line of text. Waiting for a disk is done on other threads than answering.

use std::sync::Arc;

use hyper::body::Incoming;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, StatusCode, Version};
use serde_json::{Value, json};

use super::address;
use super::body::Body;
use super::headers::{Wanted, known, tag_of, wanted};
use super::layers::{Layers, Named};
use super::page::Page;
use super::route::Route;
use crate::container::read::{About, TileSource, Trouble, Wait};
use crate::error::{Error, Result};
use crate::paper::legend;
use crate::tile::{LonLatBounds, TileCoord};

const TEXT: &str = "text/plain; charset=utf-8";
const PNG: &str = "image/png";

/// Everything answers are made from.
#[derive(Debug)]
pub(super) struct App {
    layers: Arc<Layers>,
    page: Page,
    origins: Vec<String>,
    keep: HeaderValue,
    trust_forwarded: bool,
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
    pub(super) fn new(request: &super::Request, layers: Layers) -> Result<Self> {
        let keep = match request.max_age {
            0 => "no-cache".to_owned(),
            seconds => format!("public, max-age={seconds}"),
        };
        for origin in &request.cors {
            if origin != "*" && (!origin.contains("://") || HeaderValue::from_str(origin).is_err()) {
                return Err(Error::Usage(format!(
                    "'{origin}' is no origin; write * or for instance https://maps.example.org"
                )));
            }
        }
        Ok(Self {
            page: Page::new(&layers.named, &request.library)?,
            layers: Arc::new(layers),
            origins: request.cors.iter().map(|o| o.trim_end_matches('/').to_owned()).collect(),
            keep: HeaderValue::from_str(&keep).map_err(|e| Error::Internal(e.to_string()))?,
            trust_forwarded: request.trust_forwarded,
        })
    }

    pub(super) fn layers(&self) -> &[Named] {
        &self.layers.named
    }

    pub(super) async fn answer(&self, request: &Request<Incoming>) -> Response<Body> {
        let answer = self.decide(request).await.unwrap_or_else(|Refusal(status, problem)| {
            let mut refusal = plain(status, TEXT, problem + "\n");
            refusal.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
            if status == StatusCode::METHOD_NOT_ALLOWED {
                refusal.headers_mut().insert(header::ALLOW, self.methods());
            }
            refusal
        });
        self.finish(answer, request.headers())
    }

    async fn decide(&self, request: &Request<Incoming>) -> Answer {
        if request.method() == Method::OPTIONS && !self.origins.is_empty() {
            return Ok(self.preflight());
        }
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return refuse(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD are answered here");
        }
        if request.version() == Version::HTTP_11 && request.headers().get_all(header::HOST).iter().count() != 1 {
            return refuse(StatusCode::BAD_REQUEST, "a request has one Host");
        }
        let headers = request.headers();
        match Route::of(request.uri().path()) {
            Route::Page => Ok(self.page(headers)),
            Route::Health => self.health(),
            Route::Library(file) => self.library(file, headers),
            Route::TileJson(layer) => self.tile_json(layer, request).await,
            Route::Archive(layer) => self.archive(layer, headers).await,
            Route::Legend(layer) => self.legend(layer, headers).await,
            Route::Tile(layer, tile) => self.tile(layer, tile, headers).await,
            Route::Unknown => refuse(StatusCode::NOT_FOUND, "there is nothing at this address"),
            Route::Nonsense(problem) => refuse(StatusCode::BAD_REQUEST, problem),
        }
    }

    fn page(&self, headers: &HeaderMap) -> Response<Body> {
        let page = &self.page;
        let mut answer = tagged(headers, &page.tag, "text/html; charset=utf-8", || page.text.clone().into_bytes());
        insert(&mut answer, header::CONTENT_SECURITY_POLICY, &page.policy);
        answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        answer
    }

    fn library(&self, file: &str, headers: &HeaderMap) -> Answer {
        match self.page.library.iter().find(|(name, ..)| *name == file) {
            Some((_, kind, bytes)) => Ok(tagged(headers, &tag_of(bytes), kind, || bytes.clone())),
            None => refuse(StatusCode::NOT_FOUND, "there is nothing at this address"),
        }
    }

    /// Whether every layer is what it was or could be opened anew.
    fn health(&self) -> Answer {
        let ill = |trouble: &Trouble| !matches!(trouble, Trouble::Waits);
        for (name, source) in self.layers.iter() {
            if let Some(trouble) = source.about(Wait::Never).err().filter(ill) {
                let Refusal(_, problem) = trouble.into();
                return refuse(StatusCode::SERVICE_UNAVAILABLE, &format!("{name}: {problem}"));
            }
        }
        let mut answer = plain(StatusCode::OK, TEXT, "ok\n");
        answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Ok(answer)
    }

    async fn tile_json(&self, layer: &str, request: &Request<Incoming>) -> Answer {
        let about = self.ask(layer, TileSource::about).await?;
        let authority = request.uri().authority().map(hyper::http::uri::Authority::as_str);
        let Some(base) = address::base(request.headers(), authority, self.trust_forwarded) else {
            return refuse(StatusCode::BAD_REQUEST, "the request names no host that could be in an address");
        };
        let is_archive = self.layers.find(layer).is_some_and(|s| !s.path().is_dir());
        let text = tile_json(&about, layer, &base, is_archive).to_string();
        Ok(tagged(request.headers(), &tag_of(text.as_bytes()), "application/json", || text.into_bytes()))
    }

    async fn tile(&self, layer: &str, tile: TileCoord, headers: &HeaderMap) -> Answer {
        let read = move |source: &TileSource, wait| match source.tile(tile, wait)? {
            Some(png) => Ok(Ok(png)),
            // Only now, because spread may light tiles beyond the box around the points.
            None => Ok(Err(covers(&*source.about(wait)?, tile))),
        };
        let found = self.ask(layer, read).await.map_err(|Refusal(status, problem)| match status {
            StatusCode::INTERNAL_SERVER_ERROR => Refusal(status, format!("tile {tile} of {layer}: {problem}")),
            _ => Refusal(status, problem),
        })?;
        match found {
            Ok(png) => Ok(tagged(headers, &tag_of(&png), PNG, || png)),
            Err(true) => Ok(empty(StatusCode::NO_CONTENT)),
            Err(false) => refuse(StatusCode::NOT_FOUND, "this tile is outside of the layer's zooms or bounds"),
        }
    }

    async fn legend(&self, layer: &str, headers: &HeaderMap) -> Answer {
        // An archive has no room for a picture; it is drawn from what the archive says of its colours.
        let draw = |source: &TileSource, wait| match source.legend(wait)? {
            None if source.whole(wait)?.is_some() => legend::of_metadata(&source.about(wait)?.metadata)
                .map(|legend| legend::png(&legend).map_err(|e| Trouble::Damaged(e.to_string())))
                .transpose(),
            picture => Ok(picture),
        };
        match self.ask(layer, draw).await? {
            Some(png) => Ok(tagged(headers, &tag_of(&png), PNG, || png)),
            None => {
                refuse(StatusCode::NOT_FOUND, "this layer has no picture of its legend; its colours are in its .json")
            }
        }
    }

    async fn archive(&self, layer: &str, headers: &HeaderMap) -> Answer {
        let Some(file) = self.ask(layer, TileSource::whole).await? else {
            return refuse(StatusCode::NOT_FOUND, "this layer is a folder of tiles, not a PMTiles file");
        };
        let tag = format!("\"{:016x}\"", file.state());
        if known(text(headers, header::IF_NONE_MATCH), &tag) {
            return Ok(not_modified(&tag));
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
        let mut answer = Response::new(Body::file(file, from, to));
        *answer.status_mut() = status;
        insert(&mut answer, header::CONTENT_TYPE, "application/vnd.pmtiles");
        insert(&mut answer, header::ETAG, &tag);
        insert(&mut answer, header::ACCEPT_RANGES, "bytes");
        if status == StatusCode::PARTIAL_CONTENT {
            insert(&mut answer, header::CONTENT_RANGE, &format!("bytes {from}-{}/{length}", to - 1));
        }
        Ok(answer)
    }

    /// Asks a layer: at once where nothing has to be waited for, else on a thread that may wait.
    async fn ask<T, F>(&self, layer: &str, read: F) -> Result<T, Refusal>
    where
        T: Send + 'static,
        F: Fn(&TileSource, Wait) -> Result<T, Trouble> + Send + 'static,
    {
        let Some(source) = self.layers.find(layer) else {
            return Err(Refusal(StatusCode::NOT_FOUND, "there is no such layer".to_owned()));
        };
        match read(source, Wait::Never) {
            Err(Trouble::Waits) => {}
            answer => return Ok(answer?),
        }
        let (layers, layer) = (self.layers.clone(), layer.to_owned());
        let asked = tokio::task::spawn_blocking(move || match layers.find(&layer) {
            Some(source) => read(source, Wait::Allowed),
            None => Err(Trouble::Waits),
        });
        Ok(asked.await.map_err(|e| Refusal(StatusCode::INTERNAL_SERVER_ERROR, e.to_string()))??)
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
        let any = self.origins.iter().any(|o| o == "*");
        let allowed = match asked.get(header::ORIGIN) {
            _ if any => Some(HeaderValue::from_static("*")),
            origin => origin.filter(|o| self.origins.iter().any(|own| own.as_bytes() == o.as_bytes())).cloned(),
        };
        if !any {
            headers.insert(header::VARY, HeaderValue::from_static("Origin"));
        }
        if let Some(origin) = allowed {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            let exposed = "ETag, Content-Length, Content-Range, Accept-Ranges";
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(exposed));
        }
        answer
    }
}

/// TileJSON 3.0.0 with absolute addresses; what else the metadata says is passed on.
fn tile_json(about: &About, layer: &str, base: &str, is_archive: bool) -> Value {
    let mut value = about.metadata.clone();
    let LonLatBounds { west, south, east, north } = about.bounds;
    value["tilejson"] = "3.0.0".into();
    value["tiles"] = json!([format!("{base}/{layer}/{{z}}/{{x}}/{{y}}.png")]);
    value["scheme"] = "xyz".into();
    value["format"] = "png".into();
    value["minzoom"] = about.min_zoom.into();
    value["maxzoom"] = about.max_zoom.into();
    value["bounds"] = json!([west, south, east, north]);
    if !value["name"].is_string() {
        value["name"] = layer.into();
    }
    if is_archive {
        value["pmtiles"] = format!("{base}/{layer}.pmtiles").into();
    }
    value
}

/// Whether a tile is one of a zoom and a place that the set covers, so that its absence means: no points.
fn covers(about: &About, tile: TileCoord) -> bool {
    let LonLatBounds { west, south, east, north } = about.bounds;
    let side = f64::from(tile.z).exp2();
    let column = |lon: f64| ((lon / 360.0 + 0.5) * side).clamp(0.0, side - 1.0).floor();
    let row = |lat: f64| {
        let sine = lat.clamp(-85.06, 85.06).to_radians().sin();
        ((0.5 - sine.atanh() / std::f64::consts::TAU) * side).clamp(0.0, side - 1.0).floor()
    };
    let (x, y) = (f64::from(tile.x), f64::from(tile.y));
    let (first, last) = (column(west), column(east));
    // A box across the antimeridian has its west to the east of its east.
    let columns = if west <= east { (first..=last).contains(&x) } else { x >= first || x <= last };
    (about.min_zoom..=about.max_zoom).contains(&tile.z) && columns && (row(north)..=row(south)).contains(&y)
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
    let mut answer = Response::new(Body::Memory(None));
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

/// The bytes, or only that they have not changed.
fn tagged(asked: &HeaderMap, tag: &str, kind: &str, bytes: impl FnOnce() -> Vec<u8>) -> Response<Body> {
    if known(text(asked, header::IF_NONE_MATCH), tag) {
        return not_modified(tag);
    }
    let mut answer = Response::new(Body::of(bytes()));
    insert(&mut answer, header::CONTENT_TYPE, kind);
    insert(&mut answer, header::ETAG, tag);
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about(west: f64, east: f64) -> About {
        let bounds = LonLatBounds { west, south: 49.0, east, north: 61.0 };
        About { min_zoom: 2, max_zoom: 10, bounds, metadata: json!({"heat": {"points": 3}}) }
    }

    #[test]
    fn absence_means_zero_only_where_the_set_covers_the_place() {
        let covered = |about: &About, z, x, y| covers(about, TileCoord { z, x, y });
        let britain = about(-8.0, 2.0);
        assert!(covered(&britain, 2, 1, 1) && covered(&britain, 2, 2, 1));
        assert!(!covered(&britain, 2, 0, 1) && !covered(&britain, 2, 1, 2) && !covered(&britain, 1, 0, 0));
        assert!(!covered(&britain, 11, 1000, 700));
        let fiji = about(170.0, -170.0);
        assert!(covered(&fiji, 2, 0, 1) && covered(&fiji, 2, 3, 1) && !covered(&fiji, 2, 1, 1));
        assert!(covered(&about(-180.0, 180.0), 2, 3, 1));
    }

    #[test]
    fn tile_json_has_absolute_addresses_and_passes_the_rest_on() {
        let value = tile_json(&about(-8.0, 2.0), "a", "https://x.test/p", true);
        assert_eq!(value["tiles"], json!(["https://x.test/p/a/{z}/{x}/{y}.png"]));
        assert_eq!(value["pmtiles"], "https://x.test/p/a.pmtiles");
        assert_eq!((&value["tilejson"], &value["name"]), (&json!("3.0.0"), &json!("a")));
        assert_eq!((&value["minzoom"], &value["maxzoom"]), (&json!(2), &json!(10)));
        assert_eq!(value["heat"]["points"], 3);
    }
}
