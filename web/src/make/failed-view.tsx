// The stage of a failed job: the reason, the cost, and a remedy.

import type { Video } from "../api";
import { t, textOf } from "../i18n";
import { type Explanation, explain } from "./failure";
import { promptOf } from "./request";
import { Strip } from "./strip";
import type { Studio } from "./studio";
import { JobScreen } from "./watching";

export function Failed({ studio, video }: { studio: Studio; video: Video }) {
  const chain = studio.models.value.filter((m) => m.available).map((m) => m.ai_model);
  const explanation = explain(video, chain);
  if (!explanation) return null;
  const { code, why, costUsd } = explanation;
  const isCancelled = code === "cancelled";
  return (
    <>
      <JobScreen video={video} state="over">
        <div role="status">
          <h2 class="headline">{t(isCancelled ? "wasCancelled" : "failed")}</h2>
          {!isCancelled && <p>{textOf(why)}</p>}
          <p>{costUsd ? t("didCost", costUsd) : t("costNothing")}</p>
        </div>
        <Remedy studio={studio} video={video} explanation={explanation} />
      </JobScreen>
      <Strip studio={studio} video={video} />
      <div class="under">
        <p class="about">{promptOf(video)}</p>
        <button type="button" class="plain" onClick={() => studio.remove(video.job_id)}>
          {t("delete")}
        </button>
      </div>
    </>
  );
}

interface RemedyProps {
  studio: Studio;
  video: Video;
  explanation: Explanation;
}

function Remedy({ studio, video, explanation: { remedy } }: RemedyProps) {
  const act = async () => {
    if (remedy === "provider") return studio.tryAnotherProvider(video);
    if (remedy === "image") return studio.reuse(video, { image: null, imageUrl: "" });
    await studio.reuse(video);
    document.getElementById("prompt")?.focus();
  };
  return (
    <button type="button" class="main" onClick={act}>
      {t("remedy", remedy)}
    </button>
  );
}
