// Sends an image to the bucket, and says how far it is: fetch can't.

import { type Api, Unreachable } from "../api";

/** The upload's name. `progress`: 0 to 1. Raises ApiProblem, Unreachable. */
export async function upload(
  api: Api,
  blob: Blob,
  progress: (part: number) => void,
): Promise<string> {
  const asked = { content_type: blob.type, size: blob.size };
  const { image, upload_url, headers } = await api.createUpload(asked);
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
