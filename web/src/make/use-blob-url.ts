import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { readBlob } from "./blobs";

/** An address for an image of the draft, as long as it is shown. */
export function useBlobUrl(id: string | undefined): string | null {
  const url = useSignal<string | null>(null);
  useEffect(() => {
    let isGone = false;
    url.value = null;
    if (id) {
      readBlob(id).then((blob) => {
        if (blob && !isGone) url.value = URL.createObjectURL(blob);
      });
    }
    return () => {
      isGone = true;
      if (url.value) URL.revokeObjectURL(url.value);
    };
  }, [id]);
  return url.value;
}
