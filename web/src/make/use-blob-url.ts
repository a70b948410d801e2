import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { readBlob } from "./blobs";

/**
 * An object URL for a stored image, revoked on unmount.
 * undefined: not read yet; null: the browser no longer has the image.
 */
export function useBlobUrl(id: string | undefined): string | null | undefined {
  const url = useSignal<string | null | undefined>(undefined);
  useEffect(() => {
    let isGone = false;
    url.value = undefined;
    if (id) {
      readBlob(id).then((blob) => {
        if (!isGone) url.value = blob && URL.createObjectURL(blob);
      });
    }
    return () => {
      isGone = true;
      if (url.value) URL.revokeObjectURL(url.value);
    };
  }, [id]);
  return url.value;
}
