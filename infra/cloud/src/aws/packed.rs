//! JSON in attributes. It is text where a person may want to read it in the console, and compressed where it may be
//! long.

use std::io::{Read as _, Write as _};

use aws_sdk_dynamodb::{primitives::Blob, types::AttributeValue};
use flate2::{Compression, read::DeflateDecoder, write::DeflateEncoder};
use serde::{Serialize, de::DeserializeOwned};

use crate::world::Fault;

/// The most bytes of an attribute after decompression. No attribute that we write is longer.
const LONGEST: u64 = 64 << 20;

/// The most bytes of text that is not compressed: one write unit (Amazon DynamoDB, "Read and write operations").
const READABLE: usize = 1 << 10;

/// Returns a value as JSON.
pub(super) fn json(what: &'static str, value: &impl Serialize) -> Result<String, Fault> {
    serde_json::to_string(value).map_err(|error| Fault { what, error: error.to_string() })
}

/// Returns a value as text, which is compressed only if it is long.
pub(super) fn readable(what: &'static str, value: &impl Serialize) -> Result<AttributeValue, Fault> {
    let json = json(what, value)?;
    if json.len() <= READABLE { Ok(AttributeValue::S(json)) } else { squeeze(what, &json) }
}

/// Returns a value as compressed JSON.
pub(super) fn packed(what: &'static str, value: &impl Serialize) -> Result<AttributeValue, Fault> {
    squeeze(what, &json(what, value)?)
}

fn squeeze(what: &'static str, json: &str) -> Result<AttributeValue, Fault> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    let squeezed = encoder.write_all(json.as_bytes()).and_then(|()| encoder.finish());
    squeezed.map(|bytes| AttributeValue::B(Blob::new(bytes))).map_err(|error| Fault { what, error: error.to_string() })
}

/// Reads a value that [`readable`] or [`packed`] wrote.
pub(super) fn unpacked<T: DeserializeOwned>(what: &'static str, value: &AttributeValue) -> Result<T, Fault> {
    let wrong = |error: String| Fault { what, error };
    let read = match value {
        AttributeValue::S(text) => serde_json::from_str(text),
        AttributeValue::B(bytes) => {
            let mut json = Vec::new();
            let read = DeflateDecoder::new(bytes.as_ref()).take(LONGEST).read_to_end(&mut json);
            read.map_err(|error| wrong(format!("the compressed bytes cannot be read: {error}")))?;
            serde_json::from_slice(&json)
        }
        _ => return Err(wrong("an attribute is neither text nor binary".to_owned())),
    };
    read.map_err(|error| wrong(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_written_and_only_long_text_is_compressed() {
        let short = vec!["power"; 10];
        let text = readable("writing", &short).unwrap();
        assert!(matches!(&text, AttributeValue::S(_)));
        assert_eq!(unpacked::<Vec<String>>("reading", &text).unwrap(), short);
        let long = vec!["power"; 10_000];
        for value in [readable("writing", &long).unwrap(), packed("writing", &long).unwrap()] {
            assert!(matches!(&value, AttributeValue::B(bytes) if bytes.as_ref().len() < 1_000));
            assert_eq!(unpacked::<Vec<String>>("reading", &value).unwrap(), long);
        }
    }

    #[test]
    fn other_bytes_are_a_fault() {
        let cut = AttributeValue::B(Blob::new(vec![0x4d, 0xcd]));
        for value in [AttributeValue::S("{".to_owned()), cut, AttributeValue::Bool(true)] {
            assert!(unpacked::<Vec<String>>("reading", &value).is_err(), "{value:?}");
        }
    }
}
