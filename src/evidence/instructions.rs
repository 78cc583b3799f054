//! `VERIFY.md`: how to check a bag without Portcullis.

use super::custody::TYPE;

/// The text; commands are for a POSIX shell.
pub(super) fn text(key: &str) -> String {
    INSTRUCTIONS.replace("{key}", key).replace("{type}", TYPE).replace("{length}", &TYPE.len().to_string())
}

const INSTRUCTIONS: &str = r#"# How to check this bag without Portcullis

You need `sha256sum` and `sha512sum` (GNU coreutils) and `openssl` 3. Run the commands in the folder of this file, in a POSIX shell.
`portcullis evidence check .` does all of it, and more.

## 1. Which key sealed it

```sh
W=$(mktemp -d)
openssl pkey -pubin -in seal/key.pem -outform DER | sha256sum
```

It has to print `{key}`. **Ask whoever sealed the bag for this number, by another way than the one by which the bag came to you:**
anybody can seal a changed bag with a key of their own and put that key here.

## 2. The seal is that key's

```sh
sed -n 's/^  "payload": "\(.*\)",$/\1/p' seal/envelope.json | openssl base64 -d -A > "$W/statement.json"
sed -n 's/^      "sig": "\(.*\)"$/\1/p' seal/envelope.json | openssl base64 -d -A > "$W/signature"
printf 'DSSEv1 28 application/vnd.in-toto+json %s ' "$(wc -c < "$W/statement.json" | tr -d ' ')" > "$W/signed"
cat "$W/statement.json" >> "$W/signed"
openssl pkeyutl -verify -rawin -pubin -inkey seal/key.pem -sigfile "$W/signature" -in "$W/signed"
cat "$W/statement.json"
```

The last command shows what is claimed: incident, verdict, time, counts, and the digests of the manifests.

## 3. The manifests are those that were sealed

```sh
for manifest in manifest-sha256.txt manifest-sha512.txt tagmanifest-sha256.txt tagmanifest-sha512.txt; do
  digest=$(sha256sum < "$manifest" | cut -d' ' -f1)
  grep -A 3 "\"name\": \"$manifest\"" "$W/statement.json" | grep -q "\"$digest\"" && echo "$manifest: OK" || { echo "$manifest: FAILED"; false; }
done
```

## 4. Every file is what the manifests say, and no other file is there

```sh
sha256sum -c --strict --quiet manifest-sha256.txt tagmanifest-sha256.txt
sha512sum -c --strict --quiet manifest-sha512.txt tagmanifest-sha512.txt
{
  sed 's/^[0-9a-f]*  //' manifest-sha256.txt tagmanifest-sha256.txt
  printf '%s\n' custody.jsonl seal/envelope.json tagmanifest-sha256.txt tagmanifest-sha512.txt
} | LC_ALL=C sort > "$W/named"
find . ! -type d | sed 's|^\./||' | LC_ALL=C sort | LC_ALL=C comm -13 "$W/named" -
```

Nothing may be printed but `seal/timestamp.tsr`, where there is one.

## 5. Who had the bag

```sh
before=$(sha256sum < seal/envelope.json | cut -d' ' -f1)
while IFS= read -r line; do
  entry=$(printf '%s' "$line" | sed 's/,"sig":"[^"]*"}$/}/')
  printf 'DSSEv1 {length} {type} %s %s' "$(printf '%s' "$entry" | wc -c | tr -d ' ')" "$entry" > "$W/entry"
  printf '%s' "$line" | sed 's/.*,"sig":"\([^"]*\)"}$/\1/' | openssl base64 -d -A > "$W/signature"
  printf '%s\n' "$entry"
  case $entry in *"\"prev\":\"$before\""*) ;; *) echo "FAILED: what is before it was changed"; false ;; esac
  openssl pkeyutl -verify -rawin -pubin -inkey seal/key.pem -sigfile "$W/signature" -in "$W/entry"
  before=$(printf '%s' "$line" | sha256sum | cut -d' ' -f1)
done < custody.jsonl
echo "last entry: $before"
```

Entries may be signed by another key that an earlier entry admits (`"admits"`: the key's SPKI document in base64); use that one for
them. Entries cannot be changed, reordered, or taken from the middle. **Whether the last ones were cut off cannot be seen here:**
compare the digest of the last entry with the one that whoever handed the bag over noted.

## 6. The time stamp, where there is `seal/timestamp.tsr`

```
openssl ts -reply -in seal/timestamp.tsr -text
openssl ts -verify -in seal/timestamp.tsr -data seal/envelope.json -CAfile CA.pem -untrusted TSA.pem
sha256sum seal/timestamp.tsr
```

`CA.pem` and `TSA.pem` are the authority's certificates; get them from the authority. Portcullis itself looks only at what the stamp
says it stamped, never at the authority's signature: this command does. The digest is the one in `custody.jsonl` (`"adds"`). Without a
time stamp, all times here are those of the clocks of the machines that wrote them.
"#;
