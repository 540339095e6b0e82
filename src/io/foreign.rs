//! Files that people give and that hold no table: told by how they begin, with what to give in their place.

use crate::advice::{Advice, Term};

const DECOMPRESS: &str = "decompress it first";
const PIXELS: &str = "give its pixels as a table: numpy.save(\"pixels.npy\", pixels.reshape(-1, 3))";
const DOCUMENT: (&str, &str) = ("a spreadsheet or a document, which is not read", "write the sheet as .csv");
const ARRAY: &str = "write the numbers as .npy: numpy.save(\"samples.npy\", samples)";
const TABLE: &str = "write the table as .csv or .parquet";

/// How they begin, what they are, and the remedy.
const KINDS: [(&[u8], &str, &str); 18] = [
    (b"BZh", "compressed by bzip2, which is not read", DECOMPRESS),
    (b"\xfd7zXZ", "compressed by xz, which is not read", DECOMPRESS),
    (b"\x04\x22\x4d\x18", "compressed by LZ4, which is not read", DECOMPRESS),
    (b"\x89PNG\r\n", "a PNG image, and no table", PIXELS),
    (b"\xff\xd8\xff", "a JPEG image, and no table", PIXELS),
    (b"GIF87a", "a GIF image, and no table", PIXELS),
    (b"GIF89a", "a GIF image, and no table", PIXELS),
    (b"II*\0", "a TIFF image, and no table", PIXELS),
    (b"MM\0*", "a TIFF image, and no table", PIXELS),
    (b"RIFF", "a picture, a sound or a film, and no table", PIXELS),
    (b"%PDF-", "a PDF document, and no table", TABLE),
    (b"\xd0\xcf\x11\xe0", DOCUMENT.0, DOCUMENT.1),
    (b"\x89HDF", "HDF5, which is not read", ARRAY),
    (b"MATLAB 5.0", "a file of MATLAB, which is not read", ARRAY),
    (b"\x80\x04\x95", "a pickle, which is not read", ARRAY),
    (b"\x80\x05\x95", "a pickle, which is not read", ARRAY),
    (b"SQLite format 3", "a database, which is not read", TABLE),
    (b"RDX3\n", "a file of R, which is not read", TABLE),
];

/// The first names in the archives that spreadsheets and documents are.
const IN_DOCUMENTS: [&[u8]; 4] = [b"[Content_Types].xml", b"_rels/", b"docProps/", b"mimetype"];

/// Where an archive that begins with a file has its name.
const NAME_IN_ARCHIVE: usize = 30;

/// Bytes of a JSON document in which it says what it is, where Mixtura wrote it.
const HEAD: usize = 256;

/// What a file that begins so is, and the remedy; `None` of one that may be a table.
pub(super) fn foreign(start: &[u8]) -> Option<(&'static str, &'static str)> {
    let in_archive = start.strip_prefix(b"PK\x03\x04").and_then(|_| start.get(NAME_IN_ARCHIVE..));
    if in_archive.is_some_and(|name| IN_DOCUMENTS.iter().any(|other| name.starts_with(other))) {
        return Some(DOCUMENT);
    }
    KINDS.iter().find(|(begin, ..)| start.starts_with(begin)).map(|(_, what, remedy)| (*what, *remedy))
}

/// What a JSON document that begins so is, and what it is good for; `None` of one that Mixtura did not write.
pub(super) fn own_document(start: &[u8]) -> Option<(&'static str, Advice)> {
    let head = String::from_utf8_lossy(&start[..start.len().min(HEAD)]);
    let (_, format) = head.split_once("\"mixtura-")?;
    Some(match format.starts_with("model") {
        true => (
            "a model, and no table of samples",
            Advice::from("give samples; a model starts a fit by ") + Term::StartModel,
        ),
        false => {
            let remedy = Advice::from("give samples, and go on from a checkpoint by ") + Term::Resume;
            ("a checkpoint, and no table of samples", remedy)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_not_foreign_and_pictures_are() {
        for start in
            [b"BMI,age\n1,2\n".as_slice(), b"PK\x03\x04", b"\x93NUMPY", b"PAR1", b"MMSE;x\n", b"", b"GIF,x\n1,2\n"]
        {
            assert_eq!(foreign(start), None);
        }
        let of_openpyxl = [b"PK\x03\x04".as_slice(), &[0; 26], b"docProps/app.xml"].concat();
        for start in [b"\x89PNG\r\n\x1a\n".as_slice(), b"\xff\xd8\xff\xe0", b"%PDF-1.7", &of_openpyxl] {
            assert!(foreign(start).is_some());
        }
    }
}
