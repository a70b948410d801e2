// Uploads an image to the bucket by XMLHttpRequest, because `fetch` doesn't report upload progress.

import { type Api, Unreachable } from "../api";

/** An upload that gets no further for so long is given up. A slow one may pause while buffers empty. */
const STALLED_MS = 120_000;

/** Resolves to the upload's name. `progress` gets 0 to 1. Throws ApiProblem, Unreachable. */
export async function upload(
  api: Api,
  blob: Blob,
  signal: AbortSignal,
  progress: (part: number) => void,
): Promise<string> {
  const body = { content_type: blob.type, size: blob.size };
  const { image, upload_url, headers } = await api.createUpload(body);
  signal.throwIfAborted();
  await put(upload_url, headers, blob, signal, progress);
  return image;
}

function put(
  url: string,
  headers: Record<string, string>,
  blob: Blob,
  signal: AbortSignal,
  progress: (part: number) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const failed = () => reject(new Unreachable("upload"));
    let timer: ReturnType<typeof setTimeout>;
    const stop = () => request.abort();
    const wait = () => {
      clearTimeout(timer);
      timer = setTimeout(stop, STALLED_MS);
    };
    request.open("PUT", url);
    for (const [name, value] of Object.entries(headers)) {
      request.setRequestHeader(name, value);
    }
    request.upload.onprogress = ({ loaded, total }) => {
      wait();
      progress(loaded / total);
    };
    request.onload = () => request.status < 300 && resolve();
    request.onloadend = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", stop);
      failed(); // unless it was resolved
    };
    signal.addEventListener("abort", stop);
    wait();
    request.send(blob);
  });
}
