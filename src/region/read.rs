//! Polygons from a file, or from the command line: GeoJSON and well-known text, in degrees of longitude and latitude. What
//! is no polygon in them is passed over; a file without any is refused.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde_json::Value;

use super::area::{Area, Polygon};
use crate::error::{Error, Result};
use crate::project::{Coordinate, Crs, MAX_LATITUDE, Projector};
use crate::rows::LeftOut;

/// Longest file.
const MOST: u64 = 256 << 20;
/// Steps around the world.
const WORLD: i64 = 1 << 32;

/// Rings of longitudes and latitudes.
type Rings = Vec<Vec<(f64, f64)>>;

impl Area {
    /// The polygons of a file, or those that `text` itself is in well-known text, `POLYGON ((...))`, or in GeoJSON. Fails, naming the file,
    /// where there is none, or where one has numbers that are no degrees.
    pub fn read(text: &str) -> Result<Self> {
        let begin = text.trim_start().get(..7).unwrap_or_default().to_ascii_uppercase();
        let (name, bytes) = if begin == "POLYGON" || begin == "MULTIPO" || begin.starts_with('{') {
            ("the polygon", text.as_bytes().to_vec())
        } else {
            let path = Path::new(text);
            let mut bytes = Vec::new();
            let file = File::open(path).map_err(|e| Error::io("open", path, e))?;
            file.take(MOST + 1).read_to_end(&mut bytes).map_err(|e| Error::io("read", path, e))?;
            (text, bytes)
        };
        let wrong = |why: String| Error::Input(format!("--within {name}: {why}"));
        if bytes.len() as u64 > MOST {
            return Err(wrong(format!("it is longer than {} MiB", MOST >> 20)));
        }
        if bytes.starts_with(b"fgb") {
            return Err(wrong(
                "FlatGeobuf is not read here; save it as GeoJSON (ogr2ogr area.geojson area.fgb)".into(),
            ));
        }
        let text = String::from_utf8(bytes).map_err(|_| wrong(NEITHER.into()))?;
        let text = text.trim_start_matches('\u{feff}').trim();
        let polygons = if text.starts_with('{') { json(text) } else { well_known(text) }.map_err(&wrong)?;
        if polygons.is_empty() {
            return Err(wrong("it holds no polygon; areas are polygons of longitudes and latitudes".into()));
        }
        let mut projector = Projector::new(&Crs::Wgs84)?;
        let placed =
            polygons.iter().map(|rings| placed(rings, &mut projector)).collect::<Result<Vec<Option<Polygon>>, _>>();
        let placed: Option<Vec<Polygon>> = placed?.into_iter().collect();
        placed.map(|polygons| Self::of(&polygons)).ok_or_else(|| {
            wrong(
                "its numbers are no degrees of longitude and latitude; save it in EPSG:4326 (ogr2ogr -t_srs EPSG:4326)"
                    .into(),
            )
        })
    }
}

const NEITHER: &str = "it is neither GeoJSON nor well-known text; polygons of either are taken";

/// A polygon on the world's grid; `None` where it has a number that is no degree.
fn placed(rings: &Rings, projector: &mut Projector) -> Result<Option<Polygon>> {
    let mut polygon = Vec::with_capacity(rings.len());
    for ring in rings {
        let mut vertices = Vec::with_capacity(ring.len());
        for &(lon, lat) in ring {
            if !(-540.0..=540.0).contains(&lon) || !(-90.0..=90.0).contains(&lat) {
                return Ok(None);
            }
            // As points are placed, but for the edges of the map, which are lines here and no pixels.
            let turns = (lon / 360.0 + 0.5).floor();
            let (mut out, mut left_out) = (Vec::new(), LeftOut::default());
            let place = Coordinate { x: lon - 360.0 * turns, y: lat.clamp(-MAX_LATITUDE + 1e-9, MAX_LATITUDE - 1e-9) };
            projector.project(&[place], &mut out, &mut left_out)?;
            let Some(point) = out.first() else { return Ok(None) };
            let y = match lat {
                lat if lat >= MAX_LATITUDE - 1e-6 => 0,
                lat if lat <= -MAX_LATITUDE + 1e-6 => WORLD,
                _ => point.y.into(),
            };
            vertices.push((i64::from(point.x) + turns as i64 * WORLD, y));
        }
        polygon.push(vertices);
    }
    Ok(Some(polygon))
}

fn json(text: &str) -> Result<Vec<Rings>, String> {
    let value: Value = serde_json::from_str(text).map_err(|problem| format!("it is no JSON: {problem}"))?;
    let crs = value.pointer("/crs/properties/name").and_then(Value::as_str).unwrap_or_default();
    if !crs.is_empty() && !["CRS84", ":4326", "WGS84", "WGS 84"].iter().any(|known| crs.contains(known)) {
        return Err(format!("its coordinates are in {crs}; save it in EPSG:4326 (ogr2ogr -t_srs EPSG:4326)"));
    }
    let mut polygons = Vec::new();
    gather(&value, &mut polygons)?;
    Ok(polygons)
}

/// Adds the polygons of an object of GeoJSON. (The parser bounds how deep objects lie in each other.)
fn gather(value: &Value, polygons: &mut Vec<Rings>) -> Result<(), String> {
    let list = |name: &str| value.get(name).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    match value.get("type").and_then(Value::as_str) {
        Some("FeatureCollection") => list("features").iter().try_for_each(|feature| gather(feature, polygons)),
        Some("GeometryCollection") => list("geometries").iter().try_for_each(|geometry| gather(geometry, polygons)),
        Some("Feature") => value.get("geometry").map_or(Ok(()), |geometry| gather(geometry, polygons)),
        Some("Polygon") => {
            polygons.push(rings(list("coordinates"))?);
            Ok(())
        }
        Some("MultiPolygon") => list("coordinates").iter().try_for_each(|polygon| {
            polygons.push(rings(polygon.as_array().map_or(&[][..], Vec::as_slice))?);
            Ok(())
        }),
        _ => Ok(()),
    }
}

fn rings(value: &[Value]) -> Result<Rings, String> {
    let vertex = |vertex: &Value| Some((vertex.get(0)?.as_f64()?, vertex.get(1)?.as_f64()?));
    let ring = |ring: &Value| ring.as_array()?.iter().map(vertex).collect::<Option<Vec<_>>>();
    let rings: Option<Rings> = value.iter().map(ring).collect();
    rings.ok_or_else(|| "a polygon of it has coordinates that are no pairs of numbers".into())
}

/// Polygons in well-known text, one behind the other.
fn well_known(text: &str) -> Result<Vec<Rings>, String> {
    let mut reader = Words { rest: text };
    let mut polygons = Vec::new();
    while !reader.rest.is_empty() {
        reader.geometry(&mut polygons)?;
        reader.rest = reader.rest.trim_start_matches([';', ',', '\n', '\r', ' ', '"']);
    }
    Ok(polygons)
}

struct Words<'a> {
    rest: &'a str,
}

impl<'a> Words<'a> {
    fn word(&mut self) -> &'a str {
        self.rest = self.rest.trim_start();
        let end = self.rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word
    }

    fn pass(&mut self, c: char) -> bool {
        self.rest = self.rest.trim_start();
        let is = self.rest.starts_with(c);
        if is {
            self.rest = &self.rest[c.len_utf8()..];
        }
        is
    }

    fn geometry(&mut self, polygons: &mut Vec<Rings>) -> Result<(), String> {
        self.rest = self.rest.trim_start_matches([' ', '"']);
        if let Some(rest) = self.rest.strip_prefix("SRID=").or_else(|| self.rest.strip_prefix("srid=")) {
            let (number, rest) = rest.split_once(';').unwrap_or((rest, ""));
            if number.trim() != "4326" {
                return Err(format!("its coordinates are in EPSG:{}; save it in EPSG:4326", number.trim()));
            }
            self.rest = rest;
        }
        let kind = self.word().to_ascii_uppercase();
        // Z, M or ZM: more numbers for each vertex, which are passed over. EMPTY has no brackets.
        let more = self.word().to_ascii_uppercase();
        if more == "EMPTY" || self.rest.trim_start().to_ascii_uppercase().starts_with("EMPTY") {
            if more != "EMPTY" {
                self.word();
            }
            return Ok(());
        }
        match kind.as_str() {
            "POLYGON" => polygons.push(self.polygon()?),
            "MULTIPOLYGON" => {
                self.open()?;
                loop {
                    polygons.push(self.polygon()?);
                    if !self.pass(',') {
                        break;
                    }
                }
                self.close()?;
            }
            "GEOMETRYCOLLECTION" => {
                self.open()?;
                loop {
                    self.geometry(polygons)?;
                    if !self.pass(',') {
                        break;
                    }
                }
                self.close()?;
            }
            "POINT" | "MULTIPOINT" | "LINESTRING" | "MULTILINESTRING" => {
                let mut depth = 0;
                let end = self.rest.find(|c| {
                    depth += i32::from(c == '(') - i32::from(c == ')');
                    depth == 0 && c == ')'
                });
                self.rest = end.map_or("", |end| &self.rest[end + 1..]);
            }
            _ => return Err(NEITHER.into()),
        }
        Ok(())
    }

    fn open(&mut self) -> Result<(), String> {
        if self.pass('(') { Ok(()) } else { Err("its well-known text lacks an opening bracket".into()) }
    }

    fn close(&mut self) -> Result<(), String> {
        if self.pass(')') { Ok(()) } else { Err("its well-known text lacks a closing bracket".into()) }
    }

    fn polygon(&mut self) -> Result<Rings, String> {
        self.open()?;
        let mut rings = Vec::new();
        loop {
            self.open()?;
            let end = self.rest.find(')').ok_or("its well-known text lacks a closing bracket")?;
            let (ring, rest) = self.rest.split_at(end);
            self.rest = &rest[1..];
            let vertex = |text: &str| {
                let mut numbers = text.split_whitespace().map(str::parse::<f64>);
                Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
            };
            let ring: Option<Vec<_>> = ring.split(',').map(vertex).collect();
            rings.push(ring.ok_or("a polygon of it has coordinates that are no pairs of numbers")?);
            if !self.pass(',') {
                break;
            }
        }
        self.close()?;
        Ok(rings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(text: &str) -> Result<usize, String> {
        if text.starts_with('{') { json(text) } else { well_known(text) }.map(|polygons| polygons.len())
    }

    #[test]
    fn polygons_are_found_wherever_they_stand() {
        let ring = "[[[0,0],[1,0],[1,1],[0,0]]]";
        let polygon = format!(r#"{{"type":"Polygon","coordinates":{ring}}}"#);
        let multi = format!(r#"{{"type":"MultiPolygon","coordinates":[{ring},{ring}]}}"#);
        let collection = format!(
            r#"{{"type":"GeometryCollection","geometries":[{polygon},{{"type":"Point","coordinates":[1,2]}}]}}"#
        );
        let feature = |geometry: &str| format!(r#"{{"type":"Feature","properties":null,"geometry":{geometry}}}"#);
        let all = format!(
            r#"{{"type":"FeatureCollection","features":[{},{},{},{}]}}"#,
            feature(&polygon),
            feature(&multi),
            feature(&collection),
            feature("null")
        );
        assert_eq!((count(&polygon), count(&multi), count(&all)), (Ok(1), Ok(2), Ok(4)));
        for (text, expected) in [
            ("POLYGON ((0 0, 1 0, 1 1, 0 0))", 1),
            ("polygon((0 0,1 0,1 1),(0.1 0.1,0.2 0.1,0.2 0.2))", 1),
            ("POLYGON Z ((0 0 5, 1 0 5, 1 1 5, 0 0 5))", 1),
            ("SRID=4326;MULTIPOLYGON (((0 0, 1 0, 1 1)), ((2 2, 3 2, 3 3), (2.1 2.1, 2.2 2.1, 2.2 2.2)))", 2),
            ("GEOMETRYCOLLECTION (POINT (1 2), POLYGON ((0 0, 1 0, 1 1)), LINESTRING (0 0, 1 1))", 1),
            ("POLYGON EMPTY", 0),
            ("POLYGON ((0 0, 1 0, 1 1))\nPOLYGON ((0 0, 1 0, 1 1))\n", 2),
            ("POINT (1 2)", 0),
        ] {
            assert_eq!(count(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_area_says_what_it_is() {
        for (text, says) in [
            ("POLYGON ((0 0, 1 x, 1 1))", "no pairs of numbers"),
            ("POLYGON (0 0, 1 0, 1 1)", "opening bracket"),
            ("POLYGON ((0 0, 1 0, 1 1)", "closing bracket"),
            ("SRID=27700;POLYGON ((0 0, 1 0, 1 1))", "EPSG:27700"),
            ("lon,lat\n1,2", "neither GeoJSON"),
            (r#"{"type":"Polygon","coordinates":[[["a",0]]]}"#, "no pairs"),
            (r#"{"type":"Polygon""#, "no JSON"),
            (
                r#"{"type":"FeatureCollection","crs":{"type":"name","properties":{"name":"urn:ogc:def:crs:EPSG::27700"}},"features":[]}"#,
                "27700",
            ),
        ] {
            let error = count(text).unwrap_err();
            assert!(error.contains(says), "{text}: {error}");
        }
        for (text, says) in [
            ("POLYGON ((0 0, 600 0, 1 1))", "no degrees"),
            ("POLYGON ((0 0, 1 91, 1 1))", "no degrees"),
            ("POLYGON EMPTY", "no polygon"),
            ("/no/such/area.geojson", "/no/such/area.geojson"),
        ] {
            let error = Area::read(text).unwrap_err().to_string();
            assert!(error.contains(says), "{text}: {error}");
        }
    }

    #[test]
    fn vertices_lie_where_points_do() {
        let area = Area::read("POLYGON ((-0.1 51.5, 0.1 51.5, 0.1 51.6, -0.1 51.6))").unwrap();
        let holds = |lon: f64, lat: f64| {
            let (mut out, mut left_out) = (Vec::new(), LeftOut::default());
            Projector::new(&Crs::Wgs84)
                .unwrap()
                .project(&[Coordinate { x: lon, y: lat }], &mut out, &mut left_out)
                .unwrap();
            area.holds(out[0])
        };
        // North and west are in, south and east are not.
        assert!(holds(-0.1, 51.55) && !holds(0.1, 51.55) && holds(0.0, 51.6) && !holds(0.0, 51.5) && holds(0.0, 51.55));
        let world = Area::read("POLYGON ((-180 -90, 180 -90, 180 90, -180 90))").unwrap();
        for (x, y) in [(0, 0), (u32::MAX, u32::MAX), (0, u32::MAX), (5, 1 << 31)] {
            assert!(world.holds(crate::tile::WorldPoint { x, y }), "{x} {y}");
        }
    }
}
