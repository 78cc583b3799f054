// Holds what `scan --format ecs` wrote to the fields of the Elastic Common Schema: every name is one of them, and every value
// is of its type. Usage: node check_ecs.js FILE; @elastic/ecs is found by NODE_PATH.
const { isIP } = require("node:net");
const { readFileSync } = require("node:fs");
const { EcsFlat } = require("@elastic/ecs");

const text = (value) => typeof value === "string";
const types = {
  keyword: text,
  constant_keyword: text,
  wildcard: text,
  text,
  match_only_text: text,
  ip: (value) => text(value) && isIP(value) !== 0,
  date: (value) => text(value) && !Number.isNaN(Date.parse(value)),
  long: Number.isInteger,
  integer: Number.isInteger,
  float: (value) => typeof value === "number",
};
let count = 0;
for (const line of readFileSync(process.argv[2], "utf8").split("\n").filter(Boolean)) {
  for (const [name, value] of Object.entries(JSON.parse(line))) {
    if (name.startsWith("portcullis.")) continue; // The schema leaves such names to whoever bears them.
    const field = EcsFlat[name];
    if (!field) throw new Error(`${name} is no field of the schema`);
    const is = types[field.type];
    if (!is) throw new Error(`${name}: type ${field.type} is not known here`);
    const many = field.normalize.includes("array");
    if (Array.isArray(value) && !many) throw new Error(`${name} has one value`);
    for (const one of [value].flat()) if (!is(one)) throw new Error(`${name}: ${JSON.stringify(one)} is no ${field.type}`);
  }
  count += 1;
}
console.log(count);
