//! PROJ behind a small safe face: reference systems, and operations from one to another. Nothing here depends on the
//! machine: the database is the one in the library, no other file is opened, no network used, nothing printed,
//! whatever `PROJ_DATA`, `PROJ_LIB`, `PROJ_AUX_DB` or `PROJ_NETWORK` say (another installation sets these for its own
//! version of PROJ). No variable is set or removed for that: the environment is the caller's. Of the words that PROJ 9.6
//! reads, these have no setting that overrules them, and none changes what comes out: `PROJ_LOG_SQLITE3`,
//! `PROJ_DEBUG_SORT_FUNCT` (they print), `PROJ_FORCE_SEARCH_PIVOT` (it searches longer), `PROJ_IGNORE_CELESTIAL_BODY` (a
//! system that is not of the Earth is refused here before it counts), `PROJ_USE_PROJ4_INIT_RULES` (`init=` is refused). The
//! program, whose environment is its own, forgets all of PROJ's words before it begins (`main.rs`).
//!
//! What a text means and what to tell a person is left to `other`.

#![expect(
    unsafe_code,
    reason = "the safe crate for PROJ gives no access to a context's database, files and network, and empties PROJ's \
              global caches whenever one of its values is dropped, while other threads use them"
)]

use std::ffi::{CStr, CString, c_char, c_int, c_longlong, c_ulonglong, c_void};
use std::ptr::{self, NonNull};

use proj_sys::{
    PJ, PJ_CONTEXT, PJ_COORD, PJ_DIRECTION_PJ_FWD, PJ_LOG_LEVEL_PJ_LOG_NONE, PJ_TYPE, PJ_TYPE_PJ_TYPE_BOUND_CRS,
    PJ_TYPE_PJ_TYPE_COMPOUND_CRS, PJ_TYPE_PJ_TYPE_CRS, PJ_TYPE_PJ_TYPE_DERIVED_PROJECTED_CRS,
    PJ_TYPE_PJ_TYPE_GEODETIC_CRS, PJ_TYPE_PJ_TYPE_GEOGRAPHIC_3D_CRS, PJ_TYPE_PJ_TYPE_OTHER_CRS, PJ_XYZT, PROJ_FILE_API,
    PROJ_FILE_HANDLE, PROJ_OPEN_ACCESS,
};

use super::Coordinate;

/// By this name PROJ opens the database that is a part of the library.
const EMBEDDED: &CStr = c"__embedded_proj_db__";
/// A database with nothing in it, to stand where the environment would put another one beside that.
const NOTHING: &CStr = c":memory:";
/// The answer of PROJ's for a body that it has no name for.
const OTHER_BODY: &str = "Non-Earth body";

fn is_set(name: &str) -> bool {
    std::env::var_os(name).is_some()
}

/// PROJ's state for one thread; it never leaves that thread.
#[derive(Debug)]
struct Context(NonNull<PJ_CONTEXT>);

impl Context {
    /// A context of its own, or `None` where there is no memory for one.
    fn new() -> Option<Self> {
        // SAFETY: a new context belongs to its maker alone and is used on this thread only. All pointers passed are the
        // context itself, strings and tables that live for ever, or null where that is documented to mean "none".
        unsafe {
            let context = Self(NonNull::new(proj_sys::proj_context_create())?);
            let at = context.0.as_ptr();
            proj_sys::proj_log_level(at, PJ_LOG_LEVEL_PJ_LOG_NONE);
            // Only an empty list of databases beside the main one lets the environment name some.
            let beside = [NOTHING.as_ptr(), ptr::null()];
            let beside = if is_set("PROJ_AUX_DB") { beside.as_ptr() } else { ptr::null() };
            // A library without a database in it, such as a system's own, has to look for one on disk.
            if proj_sys::proj_context_set_database_path(at, EMBEDDED.as_ptr(), beside, ptr::null()) != 0 {
                proj_sys::proj_context_set_fileapi(at, &raw const NO_FILES, ptr::null_mut());
            }
            proj_sys::proj_context_set_enable_network(at, 0);
            Some(context)
        }
    }

    /// What PROJ says of its last failure.
    fn problem(&self) -> String {
        // SAFETY: the context is alive; the string is PROJ's, ends with a zero and is copied at once.
        let said = unsafe {
            let number = proj_sys::proj_context_errno(self.0.as_ptr());
            let text = proj_sys::proj_context_errno_string(self.0.as_ptr(), number);
            if text.is_null() { String::new() } else { CStr::from_ptr(text).to_string_lossy().into_owned() }
        };
        // Its words for "none of the others" help nobody.
        let unknown = said.is_empty() || said.starts_with("Unknown error") || said.contains("code 4096");
        if unknown { "PROJ does not understand it".into() } else { said }
    }

    fn object(self, object: *mut PJ) -> Result<Object, String> {
        match NonNull::new(object) {
            Some(object) => Ok(Object { object, context: self }),
            None => Err(self.problem()),
        }
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: made by `proj_context_create`, destroyed once, after the objects that use it.
        unsafe { proj_sys::proj_context_destroy(self.0.as_ptr()) };
    }
}

/// An object of PROJ with the context it lives in.
#[derive(Debug)]
struct Object {
    object: NonNull<PJ>,
    context: Context,
}

impl Drop for Object {
    fn drop(&mut self) {
        // SAFETY: the object is alive and nobody else's; its context is dropped after this.
        unsafe { proj_sys::proj_destroy(self.object.as_ptr()) };
    }
}

fn c_string(text: &str) -> Result<CString, String> {
    CString::new(text).map_err(|_| "it holds a zero byte".to_owned())
}

/// A box in degrees, as PROJ has it.
pub(super) type Area = [f64; 4];

/// A reference system.
#[derive(Debug)]
pub(super) struct System(Object);

impl System {
    /// The system that `text` names, or one line on why it is none.
    pub(super) fn new(text: &str) -> Result<Self, String> {
        let definition = c_string(text)?;
        let context = Context::new().ok_or("there is no memory for it")?;
        // SAFETY: the context is alive, the string ends with a zero and is only read.
        let object = unsafe { proj_sys::proj_create(context.0.as_ptr(), definition.as_ptr()) };
        let system = Self(context.object(object)?);
        // SAFETY: the object is alive.
        let kind = unsafe { proj_sys::proj_get_type(system.0.object.as_ptr()) };
        if !is_system(kind) {
            return Err("it names an operation".into());
        }
        // PROJ can be told by the environment to take the Moon for the Earth.
        match system.body() {
            Some(body) if body == OTHER_BODY => Err("it is not of the Earth".into()),
            Some(body) if body != "Earth" => Err(format!("it is of the {body}, not of the Earth")),
            _ => Ok(system),
        }
    }

    /// The body it is of, where it says one.
    fn body(&self) -> Option<String> {
        let object = self.0.object.as_ptr();
        // SAFETY: the context and the object are alive; the string is the object's, ends with a zero and is copied at
        // once.
        unsafe {
            let name = proj_sys::proj_get_celestial_body_name(self.0.context.0.as_ptr(), object);
            (!name.is_null()).then(|| CStr::from_ptr(name).to_string_lossy().into_owned())
        }
    }

    /// Whether its coordinates are eastings and northings rather than degrees.
    pub(super) fn is_projected(&self) -> bool {
        let context = self.0.context.0.as_ptr();
        let mut part = self.0.object.as_ptr();
        let mut parts: Vec<*mut PJ> = Vec::new();
        // SAFETY: the context and every part are alive until after the loop; a part that is null is not used.
        unsafe {
            let kind = loop {
                let kind = proj_sys::proj_get_type(part);
                let inner = match kind {
                    PJ_TYPE_PJ_TYPE_BOUND_CRS => proj_sys::proj_get_source_crs(context, part),
                    PJ_TYPE_PJ_TYPE_COMPOUND_CRS => proj_sys::proj_crs_get_sub_crs(context, part, 0),
                    _ => break kind,
                };
                if inner.is_null() {
                    break kind;
                }
                parts.push(inner);
                part = inner;
            };
            for part in parts {
                proj_sys::proj_destroy(part);
            }
            !(PJ_TYPE_PJ_TYPE_GEODETIC_CRS..=PJ_TYPE_PJ_TYPE_GEOGRAPHIC_3D_CRS).contains(&kind)
        }
    }

    /// Where it is meant to be used: west, south, east, north.
    pub(super) fn area_of_use(&self) -> Option<Area> {
        let mut area = [0.0; 4];
        let [west, south, east, north] = &mut area;
        // SAFETY: the context and the object are alive, the four numbers are written, and a name is not asked for.
        let known = unsafe {
            proj_sys::proj_get_area_of_use(
                self.0.context.0.as_ptr(),
                self.0.object.as_ptr(),
                west,
                south,
                east,
                north,
                ptr::null_mut(),
            )
        };
        // By -1000 PROJ says that it does not know.
        (known != 0 && area.iter().all(|&edge| edge > -1000.0)).then_some(area)
    }
}

fn is_system(kind: PJ_TYPE) -> bool {
    (PJ_TYPE_PJ_TYPE_CRS..=PJ_TYPE_PJ_TYPE_OTHER_CRS).contains(&kind) || kind == PJ_TYPE_PJ_TYPE_DERIVED_PROJECTED_CRS
}

/// The way from one reference system to another, with longitudes and eastings first on both sides.
#[derive(Debug)]
pub(super) struct Operation(Object);

impl Operation {
    /// The best way for coordinates within `area`, or one line on why there is none.
    pub(super) fn new(from: &str, to: &str, area: Option<Area>) -> Result<Self, String> {
        let (from, to) = (c_string(from)?, c_string(to)?);
        let context = Context::new().ok_or("there is no memory for it")?;
        let at = context.0.as_ptr();
        // SAFETY: the context is alive, the strings end with a zero and are only read, the options end with a null. An
        // area is destroyed once, after its last use, and may be null in all three calls; a system is destroyed once and
        // may be null in that call only. The first operation is replaced by the second and destroyed once; null is passed
        // to neither call on it.
        unsafe {
            let bounds = match area {
                Some(_) => proj_sys::proj_area_create(),
                None => ptr::null_mut(),
            };
            if let (Some([west, south, east, north]), false) = (area, bounds.is_null()) {
                proj_sys::proj_area_set_bbox(bounds, west, south, east, north);
            }
            let operation = if is_set("PROJ_ONLY_BEST_DEFAULT") {
                // Said here it overrules the environment; unsaid, more ways are tried in another order.
                let options = [c"ONLY_BEST=NO".as_ptr(), ptr::null()];
                let ends = [&from, &to].map(|text| proj_sys::proj_create(at, text.as_ptr()));
                let known = ends.iter().all(|end| !end.is_null());
                let [source, target] = ends;
                let operation = if known {
                    proj_sys::proj_create_crs_to_crs_from_pj(at, source, target, bounds, options.as_ptr())
                } else {
                    ptr::null_mut()
                };
                ends.into_iter().for_each(|end| _ = proj_sys::proj_destroy(end));
                operation
            } else {
                proj_sys::proj_create_crs_to_crs(at, from.as_ptr(), to.as_ptr(), bounds)
            };
            proj_sys::proj_area_destroy(bounds);
            if operation.is_null() {
                return Err(context.problem());
            }
            let normal = proj_sys::proj_normalize_for_visualization(at, operation);
            proj_sys::proj_destroy(operation);
            context.object(normal).map(Self)
        }
    }

    /// The coordinate on the other side; `None` where PROJ has no place for it there.
    pub(super) fn apply(&self, Coordinate { x, y }: Coordinate) -> Option<Coordinate> {
        let object = self.0.object.as_ptr();
        let from = PJ_COORD { xyzt: PJ_XYZT { x, y, z: 0.0, t: f64::INFINITY } };
        // SAFETY: the object and its context are alive and used by this thread only; every field of the union is f64s.
        let (to, error) = unsafe {
            proj_sys::proj_errno_reset(object);
            let to = proj_sys::proj_trans(object, PJ_DIRECTION_PJ_FWD, from);
            (Coordinate { x: to.xy.x, y: to.xy.y }, proj_sys::proj_errno(object))
        };
        (error == 0 && to.x.is_finite() && to.y.is_finite()).then_some(to)
    }
}

/// Files as PROJ sees them: there are none, and none can be made.
static NO_FILES: PROJ_FILE_API = PROJ_FILE_API {
    version: 1,
    open_cbk: Some(no_file),
    read_cbk: Some(no_bytes_read),
    write_cbk: Some(no_bytes_written),
    seek_cbk: Some(no_seek),
    tell_cbk: Some(no_place),
    close_cbk: Some(nothing_to_close),
    exists_cbk: Some(nothing_there),
    mkdir_cbk: Some(nothing_there),
    unlink_cbk: Some(nothing_there),
    rename_cbk: Some(no_rename),
};

unsafe extern "C" fn no_file(
    _: *mut PJ_CONTEXT,
    _: *const c_char,
    _: PROJ_OPEN_ACCESS,
    _: *mut c_void,
) -> *mut PROJ_FILE_HANDLE {
    ptr::null_mut()
}

unsafe extern "C" fn no_bytes_read(
    _: *mut PJ_CONTEXT,
    _: *mut PROJ_FILE_HANDLE,
    _: *mut c_void,
    _: usize,
    _: *mut c_void,
) -> usize {
    0
}

unsafe extern "C" fn no_bytes_written(
    _: *mut PJ_CONTEXT,
    _: *mut PROJ_FILE_HANDLE,
    _: *const c_void,
    _: usize,
    _: *mut c_void,
) -> usize {
    0
}

unsafe extern "C" fn no_seek(
    _: *mut PJ_CONTEXT,
    _: *mut PROJ_FILE_HANDLE,
    _: c_longlong,
    _: c_int,
    _: *mut c_void,
) -> c_int {
    0
}

unsafe extern "C" fn no_place(_: *mut PJ_CONTEXT, _: *mut PROJ_FILE_HANDLE, _: *mut c_void) -> c_ulonglong {
    0
}

unsafe extern "C" fn nothing_to_close(_: *mut PJ_CONTEXT, _: *mut PROJ_FILE_HANDLE, _: *mut c_void) {}

unsafe extern "C" fn nothing_there(_: *mut PJ_CONTEXT, _: *const c_char, _: *mut c_void) -> c_int {
    0
}

unsafe extern "C" fn no_rename(_: *mut PJ_CONTEXT, _: *const c_char, _: *const c_char, _: *mut c_void) -> c_int {
    0
}
