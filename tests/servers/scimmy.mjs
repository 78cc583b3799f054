// A SCIM server of the libraries scimmy and scimmy-routers, over users and groups in memory.
// node scimmy.mjs FOLDER TOKEN: FOLDER holds node_modules. Prints the port once it listens.
import { createRequire } from "node:module";
import { join, resolve } from "node:path";

const [folder, token] = process.argv.slice(2);
const require = createRequire(join(resolve(folder), "/"));
const express = require("express");
const SCIMMY = require("scimmy").default ?? require("scimmy");
const Routers = require("scimmy-routers").default ?? require("scimmy-routers");

const { User, Group } = SCIMMY.Resources;
const missing = (id) => new SCIMMY.Types.Error(404, null, `Resource ${id} not found`);
let last = 0;

/** Declares a resource type whose instances live in a map. */
function declare(Resource) {
  const stored = new Map();
  SCIMMY.Resources.declare(Resource)
    .ingress((resource, data) => {
      if (resource.id && !stored.has(resource.id)) throw missing(resource.id);
      const id = resource.id ?? String(++last);
      const same = [...stored.values()].find(
        (other) => other.id !== id && data.userName && other.userName?.toLowerCase() === data.userName.toLowerCase(),
      );
      if (same) throw new SCIMMY.Types.Error(409, "uniqueness", `${data.userName} is taken`);
      const known = stored.get(id);
      const now = new Date().toISOString();
      const meta = { created: known?.meta.created ?? now, lastModified: now };
      stored.set(id, { ...JSON.parse(JSON.stringify(data)), id, meta });
      return stored.get(id);
    })
    .egress((resource) => {
      if (!resource.id) return [...stored.values()];
      if (!stored.has(resource.id)) throw missing(resource.id);
      return stored.get(resource.id);
    })
    .degress((resource) => {
      if (!stored.delete(resource.id)) throw missing(resource.id);
    });
}

declare(User);
declare(Group);

const app = express();
const authenticate = (request) => {
  if (request.header("authorization") !== `Bearer ${token}`) throw new Error("the token is not known");
  return "someone";
};
app.use("/scim/v2", new Routers({ type: "bearer", docUri: "https://acme.example/scim", handler: authenticate }));
const server = app.listen(0, "127.0.0.1", () => console.log(server.address().port));
