// Reads a list of jobs (JSON) from standard input, does each with the published
// packages, and writes the list of what came of them: {ok} or {error}.
import { createHash, createPrivateKey, createPublicKey, randomBytes, sign, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { SDJwtGeneralJSONInstance, SDJwtInstance, GeneralJSON, FlattenJSON } from '@sd-jwt/core';
import { SDJwtVcInstance } from '@sd-jwt/sd-jwt-vc';
import { getListFromStatusListJWT } from '@sd-jwt/jwt-status-list';

const digest = (jwk) => (jwk.kty === 'OKP' ? null : 'sha256');
const checker = (jwk) => (data, sig) =>
  verify(digest(jwk), Buffer.from(data), { key: createPublicKey({ key: jwk, format: 'jwk' }), dsaEncoding: 'ieee-p1363' }, Buffer.from(sig, 'base64url'));
const signer = (jwk) => (data) =>
  sign(digest(jwk), Buffer.from(data), { key: createPrivateKey({ key: jwk, format: 'jwk' }), dsaEncoding: 'ieee-p1363' }).toString('base64url');
const alg = (jwk) => (jwk.kty === 'OKP' ? 'EdDSA' : 'ES256');

function config(job) {
  const c = {
    hasher: (data, name) => createHash(name.replace('-', '')).update(typeof data === 'string' ? data : Buffer.from(data)).digest(),
    hashAlg: 'sha-256',
    saltGenerator: (n) => randomBytes(n).toString('base64url'),
    kbVerifier: (data, sig, payload) => checker(payload.cnf.jwk)(data, sig),
  };
  if (job.issuer?.d) Object.assign(c, { signer: signer(job.issuer), signAlg: alg(job.issuer) });
  if (job.issuer) c.verifier = checker(job.issuer);
  if (job.holder?.d) Object.assign(c, { kbSigner: signer(job.holder), kbSignAlg: alg(job.holder) });
  if (job.list) c.statusListFetcher = async () => job.list;
  return c;
}

const instance = (job) => (job.vc ? new SDJwtVcInstance(config(job)) : new SDJwtInstance(config(job)));

const work = {
  async verify(job) {
    const options = { currentDate: job.at };
    if (job.nonce) options.keyBindingNonce = job.nonce;
    let token = job.token;
    if (token.startsWith('{')) {
      const j = JSON.parse(token);
      if (j.signatures) {
        const general = new SDJwtGeneralJSONInstance({ ...config(job), verifier: (data, sig) => job.issuers.some((k) => { try { return checker(k)(data, sig); } catch { return false; } }) });
        const r = await general.verify(GeneralJSON.fromSerialized(j), options);
        return { claims: r.payload, binding: r.kb?.payload };
      }
      token = FlattenJSON.fromSerialized(j).toEncoded();
    }
    const r = await instance(job).verify(token, options);
    return { claims: r.payload, binding: r.kb?.payload };
  },
  async issue(job) {
    const one = instance(job);
    const token = await one.issue(job.claims, job.frame, job.kid ? { header: { kid: job.kid } } : undefined);
    if (!job.show) return { token };
    const kb = job.nonce ? { kb: { payload: { nonce: job.nonce, aud: job.audience, iat: job.at } } } : undefined;
    return { token, shown: await one.present(token, job.show, kb) };
  },
  async flatten(job) {
    return { token: JSON.stringify(instance(job).toFlattenJSON(job.token).toJson()) };
  },
  async list(job) {
    const l = getListFromStatusListJWT(job.token);
    return { size: l.statusList.length, bits: l.getBitsPerStatus(), at: job.indexes.map((i) => l.getStatus(i)) };
  },
};

const out = [];
for (const job of JSON.parse(readFileSync(0, 'utf8'))) {
  try {
    out.push({ ok: await work[job.op](job) });
  } catch (e) {
    out.push({ error: String(e.message ?? e) });
  }
}
process.stdout.write(JSON.stringify(out));
