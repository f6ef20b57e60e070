/**
 * What is taken from files of certificates, what is refused with which words, and whose names stand
 * in a certificate.
 *
 * @module
 */

import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { join } from "node:path";
import fc from "fast-check";
import { makeAuthority } from "../../src/tls/authority.ts";
import { readMaterial } from "../../src/tls/material.ts";
import { nodeNamesOf } from "../../src/tls/names.ts";
import { TestCa, withDirectory } from "../support/certificates.ts";

const DAY_MS = 86_400_000;

Deno.test("tls material: good files say whose they are and until when", async () => {
  await withDirectory(async (directory) => {
    const ca = await TestCa.make(directory);
    const files = await ca.node("n1", { days: 10 });
    const material = await readMaterial(files, { flag: "peer-tls", ownCa: true });
    assert.deepEqual(material.nodes, ["n1"]);
    const [own, authority] = material.expiries;
    assert.equal(own?.file, files.cert);
    assert.ok(Math.abs((own?.atMs ?? 0) - (Date.now() + 10 * DAY_MS)) < 60_000);
    assert.equal(authority?.file, files.ca);
    assert.ok((authority?.atMs ?? 0) > Date.now() + 1_000 * DAY_MS);
  });
});

Deno.test("tls material: each kind of bad file is refused by its flag, its name and why", async () => {
  await withDirectory(async (directory) => {
    const ca = await TestCa.make(directory);
    const other = await TestCa.make(join(directory, "other"));
    const [n1, n2] = [await ca.node("n1"), await ca.node("n2")];
    const broken = join(directory, "broken.crt");
    const text = await Deno.readTextFile(n1.cert);
    await Deno.writeTextFile(broken, text.replace(/\n.{40}/, "\n"));
    const absent = join(directory, "absent.crt");
    const cases: [object, RegExp][] = [
      [
        { ...n1, cert: absent },
        /^Cannot use --peer-tls-cert .*absent\.crt: there is no such file$/,
      ],
      [{ ...n1, cert: n1.key }, /--peer-tls-cert .*n1\.key: there is no certificate in PEM in it$/],
      [{ ...n1, cert: broken }, /--peer-tls-cert .*broken\.crt: a certificate in it is damaged/],
      [{ ...n1, key: n1.cert }, /--peer-tls-key .*n1\.crt: there is no private key in PEM in it/],
      [{ ...n1, key: n2.key }, /--peer-tls-key .*n2\.key: it is not the key of .*n1\.crt$/],
      [{ ...n1, ca: n1.key }, /--peer-tls-ca .*n1\.key: there is no certificate in PEM in it$/],
      [{ ...n1, ca: other.ca }, /--peer-tls-cert .*n1\.crt: it is not from the CA in .*ca\.crt$/],
      [{ ...n1, key: directory }, /--peer-tls-key .*: it cannot be read \(EISDIR\)$/],
    ];
    for (const [files, message] of cases) {
      await assert.rejects(
        readMaterial(files, { flag: "peer-tls", ownCa: true }),
        { reason: "INVALID_ARGUMENT", message },
      );
    }
  });
});

Deno.test("tls material: a file with the old CA and the new one trusts both", async () => {
  await withDirectory(async (directory) => {
    const old = await TestCa.make(join(directory, "old"));
    const next = await TestCa.make(join(directory, "next"));
    const both = join(directory, "both.crt");
    await Deno.writeTextFile(
      both,
      await Deno.readTextFile(old.ca) + await Deno.readTextFile(next.ca),
    );
    for (const ca of [old, next]) {
      const files = { ...await ca.node("n1"), ca: both };
      const material = await readMaterial(files, { flag: "peer-tls", ownCa: true });
      assert.deepEqual(material.nodes, ["n1"]);
    }
  });
});

Deno.test("tls names: only whole names of the form are nodes, whatever else is there", async () => {
  const validity = { nowMs: Date.now(), days: 1 };
  const authority = await makeAuthority("Test CA", validity);
  const namesIn = (pem: string) => nodeNamesOf(new X509Certificate(pem).raw);
  const hosts = ["n2", "10.0.0.1", "::1", "urn.example.org"];
  assert.deepEqual(namesIn((await authority.issueNode("n_1.x-9", hosts, validity)).cert), [
    "n_1.x-9",
  ]);
  // As text this would read as the names of two nodes.
  const odd = "n1, URI:urn:jmessage:node:n2";
  assert.deepEqual(namesIn((await authority.issueNode(odd, [], validity)).cert), [odd]);
  const long = "x".repeat(300);
  assert.deepEqual(namesIn((await authority.issueNode(long, [], validity)).cert), [long]);
  assert.deepEqual(namesIn((await authority.issueOperator("n1", validity)).cert), []);
  assert.deepEqual(namesIn(authority.cert), []);
});

Deno.test("tls names: damaged bytes have no names, or fewer, and never fail", async () => {
  const validity = { nowMs: Date.now(), days: 1 };
  const authority = await makeAuthority("Test CA", validity);
  const { raw } = new X509Certificate((await authority.issueNode("n1", ["a.b"], validity)).cert);
  fc.assert(fc.property(
    fc.array(fc.tuple(fc.nat(raw.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }),
    fc.nat(raw.length),
    (changes, length) => {
      const bytes = Uint8Array.from(raw);
      for (const [at, value] of changes) bytes[at] = value;
      assert.ok(nodeNamesOf(bytes.subarray(0, length)).length <= 1);
    },
  ));
  assert.deepEqual(nodeNamesOf(new Uint8Array()), []);
});
