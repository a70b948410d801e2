// Uploads an image to the bucket by XMLHttpRequest, because `fetch` doesn't report upload progress.

import { type Api, Unreachable } from "../api";

/** Resolves to the upload's name. `progress` gets 0 to 1. Throws ApiProblem, Unreachable. */
export async function upload(
  api: Api,
  blob: Blob,
  progress: (part: number) => void,
): Promise<string> {
  const body = { content_type: blob.type, size: blob.size };
  const { image, upload_url, headers } = await api.createUpload(body);
  await put(upload_url, headers, blob, progress);
  return image;
}

function put(
  url: string,
  headers: Record<string, string>,
  blob: Blob,
  progress: (part: number) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const failed = () => reject(new Unreachable("upload"));
    request.open("PUT", url);
    for (const [name, value] of Object.entries(headers)) {
      request.setRequestHeader(name, value);
    }
    request.upload.onprogress = ({ loaded, total }) => progress(loaded / total);
    request.onload = () => (request.status < 300 ? resolve() : failed());
    request.onerror = failed;
    request.send(blob);
  });
}
