//! Headers and rows as people have them, and which columns are taken.

use super::*;
use crate::project::Crs;
use crate::source::cell::{Axis, Geometry};
use crate::source::take::Take;
use crate::source::{Decimal, Header, Order, ReadOptions, Unit};

fn find_in(first: &[&str], edit: impl FnOnce(&mut ReadOptions)) -> Result<(usize, usize, bool), String> {
    let mut options = ReadOptions::default();
    edit(&mut options);
    let projected = options.crs.is_some();
    let first: Vec<Vec<u8>> = first.iter().map(|field| field.as_bytes().to_vec()).collect();
    let chosen = choose(&Table { first: &first, rows: &[], decimal: Decimal::Point }, &options, projected)?;
    match chosen.take {
        Take::Two { x, y } => Ok((x.column, y.column, chosen.header)),
        Take::One { column, .. } => Ok((column, column, chosen.header)),
    }
}

fn column(text: &str) -> Option<ColumnRef> {
    Some(text.parse().unwrap())
}

#[test]
fn names_are_whole_and_without_case_space_or_mark() {
    assert_eq!(find_in(&["\u{feff}LAT", " Lng "], |_| ()), Ok((1, 0, true)));
    assert_eq!(find_in(&["id", "Longitude", "Latitude"], |_| ()), Ok((1, 2, true)));
    assert!(find_in(&["flat", "colony", "latest", "longest"], |_| ()).is_err());
}

#[test]
fn the_ranking_decides_and_keeps_pairs_together() {
    assert_eq!(find_in(&["longitude", "latitude", "lon", "lat"], |_| ()), Ok((2, 3, true)));
    assert_eq!(find_in(&["x", "y", "lon", "latitude"], |_| ()), Ok((2, 3, true)));
    assert_eq!(find_in(&["x", "y", "lon"], |_| ()), Ok((0, 1, true)));
    assert!(find_in(&["lon", "y"], |_| ()).is_err());
    assert_eq!(
        find_in(&["x", "y", "northing", "easting", "lon", "lat"], |o| o.crs = Some(Crs::WebMercator)),
        Ok((3, 2, true))
    );
    assert!(find_in(&["lon", "lat"], |o| o.crs = Some(Crs::WebMercator)).unwrap_err().contains("--x and --y"));
}

#[test]
fn a_tie_lists_the_columns_and_the_flag() {
    let problem = find_in(&["lon", "LON", "lat"], |_| ()).unwrap_err();
    assert!(problem.contains("--lon '#1'") && problem.contains("lon, LON, lat"), "{problem}");
    assert_eq!(find_in(&["lon", "LON", "lat"], |o| (o.x, o.y) = (column("LON"), column("lat"))), Ok((1, 2, true)));
    let problem = find_in(&["a", "b"], |_| ()).unwrap_err();
    assert!(problem.contains("a, b") && problem.contains("--lon and --lat"), "{problem}");
}

#[test]
fn given_columns_are_names_or_places() {
    assert_eq!(find_in(&["a", "b", "c"], |o| (o.x, o.y) = (column("C"), column("#1"))), Ok((2, 0, true)));
    assert_eq!(find_in(&["lon", "lat", "lon1"], |o| o.x = column("lon1")), Ok((2, 1, true)));
    assert!(find_in(&["a", "b"], |o| (o.x, o.y) = (column("#1"), column("#3"))).unwrap_err().contains("#3"));
    assert!("#0".parse::<ColumnRef>().is_err() && "".parse::<ColumnRef>().is_err());
    assert_eq!("#tag".parse(), Ok(ColumnRef::Name("#tag".into())));
}

#[test]
fn a_header_is_told_from_data() {
    let places = |o: &mut ReadOptions| (o.x, o.y) = (column("#2"), column("#1"));
    assert_eq!(find_in(&["1.5", "2.5"], places), Ok((1, 0, false)));
    assert_eq!(find_in(&["lat", "lon"], places), Ok((1, 0, true)));
    assert_eq!(find_in(&["", "2.5"], places), Ok((1, 0, false)));
    assert_eq!(find_in(&["", ""], places), Ok((1, 0, false)));
    assert_eq!(find_in(&["1.5", "2.5"], |o| (places(o), o.header = Header::Yes).0), Ok((1, 0, true)));
    let problem = find_in(&["1.5", "2.5"], |_| ()).unwrap_err();
    assert!(problem.contains("--lon '#1'"), "{problem}");
    assert!(find_in(&["lon", "lat"], |o| o.header = Header::No).unwrap_err().contains("--lon '#1'"));
}

/// Chooses from a text with commas.
fn choose_in(text: &str, edit: impl FnOnce(&mut ReadOptions)) -> Result<Chosen, String> {
    let mut options = ReadOptions::default();
    edit(&mut options);
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    let mut all: Vec<Vec<Vec<u8>>> =
        reader.byte_records().map(|record| record.unwrap().iter().map(<[u8]>::to_vec).collect()).collect();
    let first = all.remove(0);
    all.truncate(1000);
    let projected = options.system().is_projected().unwrap();
    choose(&Table { first: &first, rows: &all, decimal: Decimal::Point }, &options, projected)
}

/// The places of longitude and latitude, or the problem.
fn two_in(text: &str, edit: impl FnOnce(&mut ReadOptions)) -> Result<(usize, usize), String> {
    match choose_in(text, edit)?.take {
        Take::Two { x, y } => Ok((x.column, y.column)),
        Take::One { column, .. } => Ok((column, column)),
    }
}

/// Rows of decimals that may be degrees, under a header.
fn degrees(header: &str) -> String {
    let fields = header.split(',').count();
    let row = |a: f64, b: f64| {
        (0..fields)
            .map(|i| if i % 2 == 0 { format!("{a:.5}") } else { format!("{b:.5}") })
            .collect::<Vec<_>>()
            .join(",")
    };
    let rows: Vec<String> = (0..12).map(|i| row(f64::from(i) * 3.1 + 0.123, f64::from(i) * 2.7 + 1.234)).collect();
    format!("{header}\n{}\n", rows.join("\n"))
}

#[test]
fn names_that_go_together() {
    for header in [
        "location-long,location-lat",
        "start_lng,start_lat",
        "CurrentLongitude,CurrentLatitude",
        "reclong,reclat",
        "BEGIN_LON,BEGIN_LAT",
        "Longitude [deg],Latitude [deg]",
        "geolocation.lon,geolocation.lat",
        "经度,纬度",
        "longitud,latitud",
        "Start Station Longitude,Start Station Latitude",
        "X Coordinate,Y Coordinate",
        "lon_dd,lat_dd",
        "gps.longitude,gps.latitude",
        "shape_pt_lon,shape_pt_lat",
        "decimalLongitude,decimalLatitude",
        "LongitudeDegrees,LatitudeDegrees",
        "coords.longitude,coords.latitude",
        "geo.lon,geo.lat",
        "GPSLongitude,GPSLatitude",
        "longitudine,latitudine",
        "Längengrad,Breitengrad",
        "laengengrad,breitengrad",
        "geographische Länge,geographische Breite",
        "lengtegraad,breedtegraad",
        "Długość geograficzna,Szerokość geograficzna",
        "долгота,широта",
        "経度,緯度",
        "boylam,enlem",
        "Länge,Breite",
        "경도,위도",
        "Longitude (°),Latitude (°)",
        "Longitude (degrees_east),Latitude (degrees_north)",
        "lon (WGS84),lat (WGS84)",
        "lonWGS84,latWGS84",
        "LON_DEC,LAT_DEC",
        "homeLongitude,homeLatitude",
        "addr_lng,addr_lat",
        "Pickup Longitude,Pickup Latitude",
        "pickup_longitude,pickup_latitude",
        "origin_lon,origin_lat",
        "lon1,lat1",
        "from_lng,from_lat",
        "pick up lon,pick up lat",
        "stationLon,stationLat",
        "longitude,lat",
        "Lng (deg),latitude_dd",
        "XGCSWGS84,YGCSWGS84",
        "x_wgs84,y_wgs84",
        "X,Y",
        "coord_x,coord_y",
        "LONGITUDE_DD,LATITUDE_DD",
        "Lon.,Lat.",
        "\"Longitude\",\"Latitude\"",
        "eventLocation.longitude,eventLocation.latitude",
        "centroidlon,centroidlat",
        "gps_long,gps_lat",
        "Lon (E),Lat (N)",
        "Longitude E,Latitude N",
        "lon_east,lat_north",
        "LonE,LatN",
        "east_longitude,north_latitude",
        "kinh độ,vĩ độ",
        "Kinh Độ,Vĩ Độ",
        "kinh_do,vi_do",
        "kinhDo,viDo",
        "lengdargráða,breiddargráða",
        "ilguma,platuma",
        "lonxitude,latitude",
        "pituuspiiri,leveyspiiri",
        "gps_kinh_do,gps_vi_do",
        "даўгата,шырата",
        "გრძედი,განედი",
        "东经,北纬",
        "longitudeDecimal,latitudeDecimal",
        "reference.lon,b",
    ] {
        let found = two_in(&degrees(header), |_| ());
        if header == "reference.lon,b" {
            assert!(found.is_err(), "{header}: {found:?}");
        } else {
            assert_eq!(found, Ok((0, 1)), "{header}");
            let (x, y) = header.split_once(',').unwrap();
            assert_eq!(two_in(&degrees(&format!("id,{y},{x}")), |_| ()), Ok((2, 1)), "{header}");
            assert!(
                is_header(&[x.into(), y.into()], &ReadOptions::default(), false) || header == "Länge,Breite",
                "{header}"
            );
        }
    }
}

#[test]
fn words_for_length_and_width_are_coordinates_where_the_numbers_are() {
    for header in [
        "comprimento,largura",
        "delka,sirka",
        "Dĺžka,Šírka",
        "geografska dužina,geografska širina",
        "zemljepisna dolžina,zemljepisna širina",
        "geografiskais garums,platums",
        "дужина,ширина",
        "gjatësia,gjerësia",
        "طول جغرافیایی,عرض جغرافیایی",
        "خط الطول,خط العرض",
        "קו אורך,קו רוחב",
    ] {
        assert_eq!(two_in(&degrees(header), |_| ()), Ok((0, 1)), "{header}");
        // Centimetres of a parcel are none.
        let parcels: String = (10..30).map(|i| format!("{i},{}\n", 2 * i)).collect();
        let found = two_in(&format!("{header}\n{parcels}"), |_| ());
        assert!(found.is_err() || header.contains(' '), "{header}: {found:?}");
    }
}

#[test]
fn sides_of_a_box_are_no_place() {
    for header in ["lon_west,lat_south,lon_east,lat_north", "west_lon,east_lon,south_lat,north_lat"] {
        let found = two_in(&degrees(header), |_| ());
        assert!(found.is_err(), "{header}: {found:?}");
    }
    // West without a sign would be mirrored.
    let found = two_in("Longitude W,Latitude N\n0.125,51.5\n0.25,51.75\n", |_| ());
    assert!(found.as_ref().is_err_and(|problem| problem.contains("mirrored")), "{found:?}");
}

#[test]
fn of_several_pairs_one_is_read_or_none() {
    // Read, with a notice that names these; or refused, naming these.
    for (header, expected, names) in [
        ("x,y,Longitude,Latitude", Ok((2, 3)), "'x' and 'y'"),
        ("lon,lat,pickup_lon,pickup_lat", Ok((0, 1)), "--lon 'pickup_lon' --lat 'pickup_lat'"),
        ("easting,northing,long,lat", Ok((2, 3)), "--x 'easting' --y 'northing'"),
        ("lon1,lat1,alt1,lon2,lat2,alt2", Ok((0, 1)), "'lon2' and 'lat2'"),
        ("LON1,LAT1,LON2,LAT2", Ok((0, 1)), "'LON2' and 'LAT2'"),
        ("end_lng,end_lat,start_lng,start_lat", Ok((2, 3)), "'end_lng' and 'end_lat'"),
        ("pickup_longitude,pickup_latitude,dropoff_longitude,dropoff_latitude", Ok((0, 1)), "dropoff_longitude"),
        ("start_lon,start_lat,stop_lon,stop_lat", Ok((0, 1)), "'stop_lon' and 'stop_lat'"),
        ("begin lon,begin lat", Ok((0, 1)), "one end of a way"),
        ("LINREFX,LINREFY,XGCSWGS84,YGCSWGS84", Ok((2, 3)), "'LINREFX' and 'LINREFY'"),
        ("lon_dd,lat_dd,lon_dms,lat_dms", Ok((0, 1)), "lon_dms"),
        ("a_lon,a_lat,b_lon,b_lat", Err(()), "--lon 'a_lon' --lat 'a_lat'"),
        ("home_lon,home_lat,work_lon,work_lat", Err(()), "--lon 'work_lon' --lat 'work_lat'"),
        ("lon_min,lat_min,lon_max,lat_max", Err(()), "--lon 'lon_max' --lat 'lat_max'"),
        ("start_lon,start_lat,home_lon,home_lat", Err(()), "'home_lon'"),
    ] {
        match choose_in(&degrees(header), |_| ()) {
            Ok(chosen) => {
                let Take::Two { x, y } = chosen.take else { panic!("{header}") };
                assert_eq!(Ok((x.column, y.column)), expected, "{header}");
                let told: Vec<String> = chosen.notices.iter().map(ToString::to_string).collect();
                assert!(told.iter().any(|text| text.contains(names)), "{header}: {told:?}");
            }
            Err(problem) => {
                assert!(expected.is_err() && problem.contains(names), "{header}: {problem}");
            }
        }
    }
}

#[test]
fn words_that_only_look_alike_are_no_pair() {
    for header in [
        "flat,flon_name",
        "salon,plat",
        "longest,latest",
        "long_name,lat_name",
        "lon_error,lat_error",
        "width,length",
        "max,may",
        "lon,area",
        "x,z",
        "north_side,east_side_name",
        "belong,translate",
        "Length,Breadth",
        "tax,tay",
    ] {
        let found = two_in(&degrees(header), |_| ());
        assert!(found.is_err(), "{header}: {found:?}");
        let names: Vec<Vec<u8>> = header.split(',').map(Into::into).collect();
        assert!(!is_header(&names, &ReadOptions::default(), false), "{header}");
    }
    // Länge and Breite are the sides of a field as well.
    assert!(two_in("Länge,Breite\n12,40\n13.5,41\n10,44\n", |_| ()).is_err());
}

#[test]
fn units_are_told_by_the_name() {
    for (header, row, unit) in [
        ("latitudeE7,longitudeE7", "514968910,-1159880", Unit::E7),
        ("lat_e6,lon_e6", "51496891,-115988", Unit::E6),
        ("LATITUDE_1E7,LONGITUDE_1E7", "514968910,-1159880", Unit::E7),
        ("lat (rad),lon (rad)", "0.898790302,-0.002024372", Unit::Radians),
        ("lat [semicircles],lon [semicircles]", "614381841,-1383791", Unit::Semicircles),
        ("lat (ddmm.mmmm),lon (dddmm.mmmm)", "5132.7824,-00008.1178", Unit::DegreesMinutes),
        ("latitude_microdegrees,longitude_microdegrees", "51496891,-115988", Unit::E6),
        ("lat (deg),lon (deg)", "51.496891,-0.115988", Unit::Degrees),
    ] {
        let chosen = choose_in(&format!("{header}\n{row}\n"), |_| ()).unwrap();
        let Take::Two { x, y } = chosen.take else { panic!("{header}") };
        assert_eq!([x.unit, y.unit], [unit; 2], "{header}");
        let asked = choose_in(&format!("{header}\n{row}\n"), |o| o.unit = Some(Unit::E5)).unwrap();
        assert!(matches!(asked.take, Take::Two { x, .. } if x.unit == Unit::E5));
    }
    let problem = choose_in("latitudeE7,longitudeE7\n51.4968910,-0.1159880\n", |_| ()).unwrap_err();
    assert!(problem.contains("--unit degrees") && problem.contains("--unit e7"), "{problem}");
}

#[test]
fn scales_are_named_where_they_are_not_told() {
    for (rows, fits, not) in [
        ("514968910,-1159880\n559730710,-32958050\n", &["e7 (51.49689 -0.11599)", "semicircles"][..], "e6"),
        ("5149689,-11599\n5597307,-329580\n", &["e5 (51.49689 -0.11599)"], "ddmm"),
        ("51496891,-115988\n0,0\n55973071,-3295805\n", &["e6 (51.49689"], "e5"),
        ("614381841,-1383791\n667784748,-39320485\n", &["semicircles (51.4968"], "e6"),
        ("5132.7824,00008.1178\n5559.1629,00324.8741\n", &["ddmm (51.54637 0.13530)"], "e5"),
        ("5132.7824N,00008.1178W\n5559.1629N,00324.8741W\n", &["ddmm"], "e5"),
        ("0021.9898,00018.8761\n0012.2326,00039.4004\n", &["ddmm (0.36650 0.31460)"], "e5"),
    ] {
        let problem = choose_in(&format!("lat,lon\n{rows}"), |_| ()).unwrap_err();
        assert!(fits.iter().all(|unit| problem.contains(&format!("--unit {unit}"))), "{rows}: {problem}");
        assert!(!problem.contains(&format!("--unit {not}")), "{rows}: {problem}");
        assert!(choose_in(&format!("lat,lon\n{rows}"), |o| o.unit = Some(Unit::E7)).is_ok());
    }
    // Degrees, sentinels, and numbers that no scale makes degrees of, are left to who reads them.
    for rows in
        ["51,0\n52,1\n", "-999,-999\n51.5,0.1\n", "91,181\n", "51.54,0.13\n52.1,1.2\n", "510,213\n568,907\n1000,5\n"]
    {
        assert!(choose_in(&format!("lat,lon\n{rows}"), |_| ()).is_ok(), "{rows}");
    }
}

#[test]
fn hemispheres_in_columns_of_their_own() {
    // Header, rows, and the columns applied to longitude and latitude.
    for (text, expected) in [
        ("LATITUDE,N/S,LONGITUDE,E/W\n51.5,N,0.1,W\n", [Some(3), Some(1)]),
        ("lat,lat_dir,lon,lon_dir\n51.5,N,0.1,W\n", [Some(3), Some(1)]),
        ("lat,ns,lon,ew\n51.5,,0.1,W\n51.5,S,0.1,E\n", [Some(3), Some(1)]),
        ("NS,lat,EW,lon\nN,51.5,W,0.1\n", [Some(2), Some(0)]),
        ("latitude,longitude,id,latitude_ref,longitude_ref\n51.5,0.1,3,N,W\n", [Some(4), Some(3)]),
        ("GPSLatitude,GPSLatitudeRef,GPSLongitude,GPSLongitudeRef\n51.5,North,0.1,West\n", [Some(3), Some(1)]),
        ("lat,h1,lon,h2\n51.5,N,0.1,W\n50.5,N,0.1,E\n", [Some(3), Some(1)]),
        ("lat,a,lon,b\n51.5,north,0.1,west\n", [Some(3), Some(1)]),
        ("lat,lon,lon_hem\n51.5,0.1,w\n", [Some(2), None]),
        ("lat,lat_dir,lon\n51.5,12,0.1\n", [None, None]),
        // Blank as far as the sample goes, applied where it says something.
        ("lat,lat_dir,lon\n51.5,,0.1\n", [None, Some(1)]),
        ("lat,lon,q1,q2\n33.9,151.2,S,E\n34.6,58.4,S,W\n", [Some(3), Some(2)]),
        ("q1,q2,lat,lon\n,,33.9,151.2\nS,E,34.6,58.4\n", [Some(1), Some(0)]),
        ("lat,lon,verified\n-33.9,151.2,N\n", [None, None]),
        ("lat,heading,lon\n51.5,N,0.1\n", [None, None]),
        ("lat,lon,state\n51.5,0.1,N\n51.5,0.1,TX\n", [None, None]),
        ("lat,lon,kind\n51.5,0.1,O\n", [None, None]),
        ("start_lat,start_lon,end_lat,end_lon,end_lat_dir\n51.5,0.1,50,1,S\n", [None, None]),
    ] {
        let Take::Two { x, y } = choose_in(text, |_| ()).unwrap().take else { panic!("{text}") };
        assert_eq!([x.hemisphere, y.hemisphere], expected, "{text}");
    }
    let Take::Two { y, .. } = choose_in("lat,lat_dir,lon\n51.5,,0.1\n", |_| ()).unwrap().take else { panic!() };
    assert!(y.silent);
    // Whoever names the columns has looked.
    let asked = |o: &mut ReadOptions| (o.x, o.y) = (Some("lon".parse().unwrap()), Some("lat".parse().unwrap()));
    let Take::Two { y, .. } = choose_in("lon,lat,size\n1,2,S\n", asked).unwrap().take else { panic!() };
    assert_eq!(y.hemisphere, None);
    for (text, words) in [
        ("lat,ns,lon,ow\n51.5,N,0.1,O\n", ["'ow'", "Ost"]),
        ("lon,lat,size\n1,2,S\n", ["'size'", "lat_dir"]),
        ("lat,lat_sign,lon\n33.9,-,151.2\n34.6,+,58.4\n", ["'lat_sign'", "mirrored"]),
        ("lat,h,lon,k\n51.5,N,0.1,O\n50.5,N,0.2,W\n", ["'k'", "Oeste"]),
        ("lat,ns,lon,ew\n51.5,E,0.1,W\n", ["'ns'", "holds E"]),
        ("lat,lon,hemisphere\n51.5,0.1,NW\n50,1,SE\n", ["'hemisphere'", "mirrored"]),
        ("lat,lon (W)\n51.5,0.1\n", ["'lon (W)'", "mirrored"]),
        ("Latitude (S),Longitude (E)\n33.5,150.1\n", ["'Latitude (S)'", "mirrored"]),
    ] {
        let problem = choose_in(text, |_| ()).unwrap_err();
        assert!(words.iter().all(|word| problem.contains(word)), "{text}: {problem}");
    }
    assert!(choose_in("lat,lon (W)\n51.5,-0.1\n", |_| ()).is_ok());
}

#[test]
fn rows_longer_than_the_header() {
    let numbered = "lon,lat,kind\n1,-0.135296,51.546373,a\n2,-3.414569,55.986049,a\n3,1.5,52.5,b\n";
    let chosen = choose_in(numbered, |_| ()).unwrap();
    assert!(matches!(chosen.take, Take::Two { x, y } if (x.column, y.column) == (1, 2)));
    assert_eq!((chosen.shift, chosen.notices[0].code), (1, "row_names"));
    assert_eq!(chosen.names, ["lon", "lat"]);
    for (text, expected, code) in [
        // Both alignments hold coordinates: a row's number decides, a time or an id does not.
        ("date,lat,lon,alt\n2024,51.5,-0.1,00,4\n2024,55.9,-3.4,01,4\n", (2, 1), "longer_rows"),
        ("id,lat,lon\n1,51.5,-0.1,7\n2,55.9,-3.4,8\n", (2, 1), "longer_rows"),
        ("lat,lon,kind\n1,51.5,-0.1,7\n2,55.9,-3.4,8\n3,50.1,1.2,9\n", (2, 1), "row_names"),
        ("lat,lon\na,51.5,-0.1\nb,55.9,-3.4\n", (2, 1), "row_names"),
        ("lat,lon\nx,a,51.5,-0.1\ny,b,55.9,-3.4\n", (3, 2), "row_names"),
        ("lat,lon\n51.5,-0.1,a\n55.9,-3.4,b\n", (1, 0), "longer_rows"),
        // Numbers of rows need not follow one another; what stands behind a comma of thousands is no coordinate.
        ("lon,lat\n3,9.5,50.5\n12,9.7,50.7\n7,9.6,50.6\n", (1, 2), "row_names"),
        ("id,pop,lon,lat\n3,1,000,9.5,50.5\n7,2,123,9.6,50.6\n", (3, 4), "row_names"),
    ] {
        let chosen = choose_in(text, |_| ()).unwrap();
        let Take::Two { x, y } = chosen.take else { panic!("{text}") };
        assert_eq!((x.column, y.column), expected, "{text}");
        assert_eq!(chosen.notices.iter().map(|notice| notice.code).collect::<Vec<_>>(), [code], "{text}");
    }
    // Blank fields behind, and rows of different lengths, change nothing.
    for text in ["id,lat,lon\n0,51.5,-0.1,\n1,55.9,-3.4,\n", "id,lat,lon\n0,51.5,-0.1\n1,1,55.9,-3.4\n2,50.1,1.1\n"] {
        let chosen = choose_in(text, |_| ()).unwrap();
        assert_eq!((chosen.shift, chosen.notices.len()), (0, 0), "{text}");
    }
    for (text, words) in [
        ("lat,lon\n51,546373,-0,135296\n55,986049,-3,414569\n", ["4 fields", "2 names"]),
        ("lat,lon\n51,55,-0,14\n55,99,-3,41\n", ["4 fields", "commas"]),
        ("id,lat,lon\n1,51,55,-0,14\n2,55,99,-3,41\n", ["5 fields", "commas"]),
        ("lat,lon,t\n51,55,-0,14,20,5\n55,99,-3,41,21,7\n", ["6 fields", "commas"]),
        ("lat,lon\na,b,c\nd,e,f\n", ["3 fields", "no alignment"]),
    ] {
        let problem = choose_in(text, |_| ()).unwrap_err();
        assert!(words.iter().all(|word| problem.contains(word)), "{text}: {problem}");
    }
}

#[test]
fn a_refusal_says_what_to_do() {
    let airports = "1,\"Goroka\",\"Goroka\",\"PNG\",\"GKA\",\"AYGA\",-6.081689834590001,145.391998291,5282,10,\"U\"\n\
                    2,\"Madang\",\"Madang\",\"PNG\",\"MAG\",\"AYMD\",-5.20707988739,145.789001465,20,10,\"U\"\n";
    for (text, words) in [
        (airports, &["--lon '#8' --lat '#7'", "looks like data"][..]),
        (
            "a,b,c\n1,151.2093,-33.8688\n2,144.9631,-37.8136\n",
            &["--lon 'b' --lat 'c'", "such as 151.2093 and -33.8688"],
        ),
        ("a,b\n51.5,-0.1\n55.9,-3.4\n", &["'a'", "'b'", "the other way round"]),
        ("a,b\n1,2\n3,4\n", &["--lon and --lat", "columns found: a, b"]),
        ("id,easting,northing\n1,326450,676770\n", &["--crs", "326450 and 676770"]),
        ("id,lat_deg,lat_min,lon_deg,lon_min\n1,51,30,0,7\n", &["minutes", "'lat_min'"]),
        ("id,geohash\n0,a\n", &["--lon and --lat"]),
    ] {
        let problem = choose_in(text, |_| ()).unwrap_err();
        assert!(words.iter().all(|word| problem.contains(word)), "{text}: {problem}");
    }
    #[cfg(feature = "proj")]
    for (text, grid) in [
        ("easting,northing\n326450,676770\n314360,676710\n", "EPSG:27700 (Great Britain)"),
        ("X_COORD,Y_COORD\n980605.134,197933.975\n", "EPSG:2263 (New York, feet)"),
        ("X Coordinate,Y Coordinate\n1178912.7,1910294.911\n", "EPSG:3435 (Illinois East, feet)"),
        ("easting,northing\n1758470.255,5924395.136\n", "--crs EPSG:2193"),
        ("Rechtswert,Hochwert\n3479603.771,5552858.79\n", "--crs EPSG:31467"),
        ("east,north\n386253.085,6667156.968\n", "EPSG:3067 (Finland, TM35FIN)"),
        ("X_L93,Y_L93\n652000.5,6862000.5\n", "EPSG:2154 (France, Lambert 93)"),
    ] {
        let problem = choose_in(text, |_| ()).unwrap_err();
        assert!(problem.contains(grid), "{text}: {problem}");
    }
}

/// What is taken from one field, or the problem.
fn one_in(text: &str, edit: impl FnOnce(&mut ReadOptions)) -> Result<(usize, Geometry, bool), String> {
    match choose_in(text, edit)?.take {
        Take::One { column, geometry, axes, .. } => Ok((column, geometry, axes[0] == Axis::Projected)),
        Take::Two { x, y } => Err(format!("two columns: {} {}", x.column, y.column)),
    }
}

#[test]
fn both_coordinates_in_one_column() {
    let ewkb = "0101000020E6100000917BBABA63B1BDBF9F56D11F9ABF4940";
    let lonlat = Geometry::Pair(Order::LonLat);
    let latlon = Geometry::Pair(Order::LatLon);
    for (text, expected) in [
        ("id,geometry\n0,POINT (-0.115988 51.496891)\n1,POINT (-3.2 55.9)\n", (1, Geometry::Wkt)),
        ("id,anything\n0,POINT Z (-0.115988 51.496891 3)\n1,POINT EMPTY\n", (1, Geometry::Wkt)),
        (&format!("id,geom\n0,{ewkb}\n"), (1, Geometry::Wkb)),
        ("id,geometry\n0,\"{\"\"type\"\":\"\"Point\"\",\"\"coordinates\"\":[-0.1,51.5]}\"\n", (1, Geometry::GeoJson)),
        ("Coordinates\n51.496891N 000.115988W\n55.973071N 003.295805W\n", (0, latlon)),
        ("id,latlon\n0,\"51.49,-0.11\"\n1,\"55.9,-3.2\"\n", (1, latlon)),
        ("id,lnglat\n0,\"-0.11,51.49\"\n", (1, lonlat)),
        ("id,geo_point_2d\n0,\"51.49,-0.11\"\n", (1, latlon)),
        ("id,\"Latitude, Longitude\"\n0,\"51.49,-0.11\"\n", (1, latlon)),
        ("id,location\n0,\"(-33.8, 151.2)\"\n1,\"(51.4, -0.1)\"\n", (1, latlon)),
        ("id,position\n0,151.2 -33.8\n1,-0.1 51.4\n", (1, lonlat)),
        // A pair of columns that are named so comes first; x and y that are no degrees do not.
        ("x,y,the_geom\n530000,180000,POINT (-0.1 51.5)\n", (2, Geometry::Wkt)),
        // The first record is a place itself.
        ("1,POINT (-0.1 51.5)\n2,POINT (-3.2 55.9)\n", (1, Geometry::Wkt)),
    ] {
        assert_eq!(one_in(text, |_| ()), Ok((expected.0, expected.1, false)), "{text}");
    }
    assert!(!choose_in("1,POINT (-0.1 51.5)\n2,POINT (-3.2 55.9)\n", |_| ()).unwrap().header);
    assert_eq!(two_in("lon,lat,geom\n1.5,2.5,POINT (1.5 2.5)\n", |_| ()), Ok((0, 1)));
    // Asked for, with an order.
    let pairs = "id,place,location\n0,p,\"(51.49, -0.11)\"\n1,p,\"(55.97, -3.29)\"\n";
    let problem = one_in(pairs, |_| ()).unwrap_err();
    for words in ["'location'", "--geometry 'location'", "--order lonlat", "--order latlon", "(51.49, -0.11)"] {
        assert!(problem.contains(words), "{problem}");
    }
    assert_eq!(one_in(pairs, |o| o.order = Some(Order::LatLon)), Ok((2, latlon, false)));
    for geometry in ["location", "#3"] {
        let asked = one_in(pairs, |o| (o.geometry, o.order) = (column(geometry), Some(Order::LonLat)));
        assert_eq!(asked, Ok((2, lonlat, false)));
    }
    for (geometry, words) in [("id", "holds no points"), ("#9", "no column #9"), ("nope", "no column 'nope'")] {
        let problem = one_in(pairs, |o| o.geometry = column(geometry)).unwrap_err();
        assert!(problem.contains(words), "{problem}");
    }
    // Told by what they are.
    for (text, words) in [
        ("id,geohash\n0,gcpvj0db\n1,gcpvj0dc\n2,gcpvj1dc\n", "geohash"),
        ("id,POLYLINE\n0,\"[[-0.1,51.5],[-0.2,51.6]]\"\n1,\"[[-3.4,55.9],[-3.5,55.8]]\"\n", "'POLYLINE'"),
        ("id,shape\n0,\"LINESTRING (0 1, 2 3)\"\n", "'shape'"),
        ("id,start,end\n0,POINT (1 2),POINT (3 4)\n", "--geometry 'start' or --geometry 'end'"),
        ("id,code\n0,\"51.49 -0.11\"\n1,\"55.97 -3.29\"\n", "--geometry 'code'"),
    ] {
        let problem = one_in(text, |_| ()).unwrap_err();
        assert!(problem.contains(words), "{text}: {problem}");
    }
}

#[cfg(feature = "proj")]
#[test]
fn a_geometry_tells_its_system() {
    let text = "id,geom\n0,SRID=27700;POINT (530000 180000)\n1,SRID=27700;POINT (530100 180100)\n";
    let chosen = choose_in(text, |_| ()).unwrap();
    assert_eq!(chosen.crs, Some("EPSG:27700".parse().unwrap()));
    assert!(matches!(
        chosen.take,
        Take::One { srid: Some(crate::source::cell::Srid { number: 27700, .. }), axes: [Axis::Projected, _], .. }
    ));
    let chosen = choose_in(text, |o| o.crs = Some(Crs::WebMercator)).unwrap();
    assert_eq!((chosen.crs, chosen.notices[0].code), (None, "srid"));
    let problem = choose_in("id,geom\n0,POINT (530000 180000)\n1,POINT (530100 180100)\n", |_| ()).unwrap_err();
    assert!(problem.contains("EPSG:27700 (Great Britain)") && problem.contains("--crs"), "{problem}");
    let problem = choose_in("id,geom\n0,SRID=99999;POINT (5 1)\n", |_| ()).unwrap_err();
    assert!(problem.contains("SRID=99999"), "{problem}");
}

#[test]
fn what_was_asked_for_is_noticed_where_it_looks_wrong() {
    let text = "id,Latitude,Longitude\n1,51.5,-0.1\n";
    let swapped = choose_in(text, |o| (o.x, o.y) = (column("Latitude"), column("Longitude"))).unwrap();
    assert_eq!(swapped.notices.iter().filter(|notice| notice.code == "axis_names").count(), 2);
    assert!(choose_in(text, |o| (o.x, o.y) = (column("Longitude"), column("Latitude"))).unwrap().notices.is_empty());
    for (x, y) in [("id", "id"), ("#2", "#2"), ("#2", "Latitude")] {
        let problem = choose_in(text, |o| (o.x, o.y) = (column(x), column(y))).unwrap_err();
        assert!(problem.contains("same column"), "{problem}");
    }
    // The partner of a column that was asked for is the one of its name.
    assert_eq!(two_in("lon,lat,b_lon,b_lat\n1.5,2.5,3.5,4.5\n", |o| o.x = column("b_lon")), Ok((2, 3)));
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(2000))]
    /// Whatever bytes a file has, the columns are found or refused in one line.
    #[test]
    fn any_bytes_are_read_or_refused(
        names in proptest::collection::vec(name(), 0..6),
        rows in proptest::collection::vec(proptest::collection::vec(cell(), 0..8), 0..5),
        comma: bool,
        header in 0..3,
    ) {
        let decimal = if comma { Decimal::Comma } else { Decimal::Point };
        let header = [Header::Auto, Header::Yes, Header::No][header as usize];
        let options = ReadOptions { header, ..ReadOptions::default() };
        let table = Table { first: &names, rows: &rows, decimal };
        match choose(&table, &options, false) {
            Ok(chosen) => {
                let width = names.len() + chosen.shift;
                proptest::prop_assert!(chosen.take.span().1 < width.max(rows.iter().map(Vec::len).max().unwrap_or(0)));
            }
            Err(problem) => proptest::prop_assert!(!problem.is_empty() && !problem.contains('\n')),
        }
        is_header(&names, &options, false);
    }
}

fn name() -> impl proptest::strategy::Strategy<Value = Vec<u8>> {
    use proptest::prelude::*;
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..12),
        "\\PC{0,12}".prop_map(String::into_bytes),
        proptest::sample::select(vec![
            "lon",
            "lat",
            "Longitude (°)",
            "latE7",
            "x",
            "y",
            "geom",
            "ns",
            "lat_dir",
            "start_lon",
            "b.lat",
            "easting",
            "northing",
            "Länge",
            "经度",
            "",
            "#",
            "lon_min",
            "hemisphere",
            "lat,lon",
        ])
        .prop_map(|name| name.as_bytes().to_vec()),
    ]
}

fn cell() -> impl proptest::strategy::Strategy<Value = Vec<u8>> {
    use proptest::prelude::*;
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..12),
        "-?[0-9]{1,9}(\\.[0-9]{0,6})?".prop_map(String::into_bytes),
        proptest::sample::select(vec![
            "N",
            "W",
            "O",
            "",
            "NA",
            "POINT (1 2)",
            "51.5N",
            "1e400",
            "-",
            "51,5",
            "1 2",
            "NW"
        ])
        .prop_map(|name| name.as_bytes().to_vec()),
    ]
}
