//! Points on the earth.

use serde::{Deserialize, Serialize};

/// Mean earth radius of the IUGG in kilometres, as the `geo` crate uses it.
pub const EARTH_RADIUS_KM: f64 = 6371.0088;

/// A point in WGS 84 degrees; finite and in range by construction. (0, 0) is a point like any other.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(try_from = "LatLon", deny_unknown_fields)]
pub struct Coordinates {
    /// Degrees north, -90 to 90.
    #[schema(example = 42.7070, minimum = -90, maximum = 90)]
    latitude: f64,
    /// Degrees east, -180 to 180.
    #[schema(example = -71.1631, minimum = -180, maximum = 180)]
    longitude: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LatLon {
    latitude: f64,
    longitude: f64,
}

impl TryFrom<LatLon> for Coordinates {
    type Error = InvalidCoordinates;

    fn try_from(LatLon { latitude, longitude }: LatLon) -> Result<Self, Self::Error> {
        Self::new(latitude, longitude)
    }
}

/// Why two numbers are not a point on the earth.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum InvalidCoordinates {
    /// The latitude is not a finite number from -90 to 90.
    #[error("latitude {0} is not a number from -90 to 90")]
    Latitude(f64),
    /// The longitude is not a finite number from -180 to 180.
    #[error("longitude {0} is not a number from -180 to 180")]
    Longitude(f64),
}

impl Coordinates {
    /// Where the equator meets the prime meridian: for what does not hang on a place.
    pub const ANYWHERE: Self = Self { latitude: 0.0, longitude: 0.0 };

    /// The point at `latitude` and `longitude` in degrees.
    ///
    /// # Errors
    /// If a number is not finite or out of range.
    pub fn new(latitude: f64, longitude: f64) -> Result<Self, InvalidCoordinates> {
        if !(-90.0..=90.0).contains(&latitude) {
            return Err(InvalidCoordinates::Latitude(latitude));
        }
        if !(-180.0..=180.0).contains(&longitude) {
            return Err(InvalidCoordinates::Longitude(longitude));
        }
        Ok(Self { latitude, longitude })
    }

    /// Degrees north.
    pub fn latitude(self) -> f64 {
        self.latitude
    }

    /// Degrees east.
    pub fn longitude(self) -> f64 {
        self.longitude
    }

    /// The point on the unit sphere. Squared chord distances between such points order exactly as
    /// great-circle distances do, without an antimeridian and without poles.
    pub fn unit_vector(self) -> [f64; 3] {
        let (sin_lat, cos_lat) = self.latitude.to_radians().sin_cos();
        let (sin_lon, cos_lon) = self.longitude.to_radians().sin_cos();
        [cos_lat * cos_lon, cos_lat * sin_lon, sin_lat]
    }

    /// Great-circle distance in kilometres on a sphere of [`EARTH_RADIUS_KM`].
    pub fn distance_km(self, other: Self) -> f64 {
        let (a, b) = (self.unit_vector(), other.unit_vector());
        chord_2_to_km((a[0] - b[0]).powi(2) + (a[1] - b[1]).powi(2) + (a[2] - b[2]).powi(2))
    }
}

/// Great-circle kilometres between two points whose squared chord distance on the unit sphere is given.
pub(crate) fn chord_2_to_km(chord_2: f64) -> f64 {
    2.0 * EARTH_RADIUS_KM * (chord_2.sqrt() / 2.0).min(1.0).asin()
}

/// The squared chord distance on the unit sphere that `km` great-circle kilometres subtend.
pub(crate) fn km_to_chord_2(km: f64) -> f64 {
    let half_angle = (km / (2.0 * EARTH_RADIUS_KM)).clamp(0.0, std::f64::consts::FRAC_PI_2);
    (2.0 * half_angle.sin()).powi(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_out_of_range_or_not_a_number_is_refused() {
        assert_eq!(Coordinates::new(90.5, 0.0), Err(InvalidCoordinates::Latitude(90.5)));
        assert_eq!(Coordinates::new(0.0, -180.1), Err(InvalidCoordinates::Longitude(-180.1)));
        assert!(Coordinates::new(f64::NAN, 0.0).is_err());
        assert!(Coordinates::new(0.0, f64::INFINITY).is_err());
    }

    #[test]
    fn the_origin_the_poles_and_the_antimeridian_are_points() {
        for (latitude, longitude) in [(0.0, 0.0), (90.0, 10.0), (-90.0, 0.0), (10.0, 180.0), (10.0, -180.0)] {
            assert!(Coordinates::new(latitude, longitude).is_ok());
        }
    }

    #[test]
    fn distance_agrees_with_an_independent_library() {
        use geo::{Distance, Haversine, Point};
        let points =
            [(42.7, -71.16), (0.0, 0.0), (-17.7, 179.9), (-17.7, -179.9), (89.9, 12.0), (13.4, 144.8)];
        for a in points {
            for b in points {
                let ours =
                    Coordinates::new(a.0, a.1).unwrap().distance_km(Coordinates::new(b.0, b.1).unwrap());
                let theirs = Haversine.distance(Point::new(a.1, a.0), Point::new(b.1, b.0)) / 1000.0;
                assert!((ours - theirs).abs() < 1e-4, "{a:?} {b:?}: {ours} {theirs}");
            }
        }
    }

    #[test]
    fn kilometres_and_chords_are_inverse() {
        for km in [0.0, 0.001, 1.0, 50.0, 500.0, 20_000.0] {
            assert!((chord_2_to_km(km_to_chord_2(km)) - km).abs() < 1e-6);
        }
    }
}
