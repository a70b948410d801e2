// Follows the user's last job until it ends, whatever the stage and the list show.

import { effect, type ReadonlySignal } from "@preact/signals";
import type { Video } from "../api";
import type { App } from "../app-state";
import { videoId } from "../router";
import { lastJob, markEnded } from "./click";
import { follow, type Sources, sourcesOf } from "./follow";
import type { Library } from "./library";

/** `video`: the one on the stage, which is followed there. Returns a function to stop. */
export function followLastJob(
  app: App,
  library: Pick<Library, "loaded" | "put">,
  video: ReadonlySignal<Video | null | undefined>,
  sources: (id: string) => Sources = (id) => sourcesOf(app, id),
): () => void {
  const stops = [
    effect(() => {
      const job = lastJob.value;
      if (!job || job.hasEnded || job.id === videoId.value) return;
      return follow(sources(job.id), (update) => {
        if (update) library.put(update);
        else markEnded(job.id); // it was deleted
      });
    }),
    effect(() => {
      const id = lastJob.value?.id;
      if (!id) return;
      const known = [video.value, ...library.loaded.value].find((one) => one?.job_id === id);
      if (known && known.status !== "processing") markEnded(id);
    }),
  ];
  return () => stops.forEach((stop) => stop());
}
