/**
 * Uploads a file with tus-js-client, the reference client of the protocol: node tus_client.mjs ENDPOINT TOKEN FILE STORE [parts]
 *
 * STORE keeps the address of an unfinished upload, which the next run resumes. With a number of parts, the process ends after them.
 * Prints the address of the upload, and the offset at which this run began.
 */
import { createReadStream, statSync } from "node:fs"
import { createRequire } from "node:module"

const require = createRequire(new URL("../../web/package.json", import.meta.url))
const { FileUrlStorage, Upload } = require("tus-js-client")
const [endpoint, token, file, store, parts] = process.argv.slice(2)
let start
let sent = 0
const upload = new Upload(createReadStream(file), {
  endpoint,
  headers: { Authorization: `Bearer ${token}` },
  metadata: { filename: "pictures.zip" },
  uploadSize: statSync(file).size,
  chunkSize: 1_000_000,
  retryDelays: [0, 500, 500, 500],
  urlStorage: new FileUrlStorage(store),
  fingerprint: () => Promise.resolve("pictures"),
  onProgress: done => (start ??= done),
  onChunkComplete: () => {
    sent += 1
    if (sent === Number(parts)) end()
  },
  onSuccess: end,
  onError: reason => {
    console.error(reason)
    process.exit(1)
  },
})

function end() {
  console.log(JSON.stringify({ address: upload.url, start }))
  process.exit(0)
}

const [earlier] = await upload.findPreviousUploads()
if (earlier) upload.resumeFromPreviousUpload(earlier)
upload.start()
