// The stage of a finished video: the player, its buttons and its data.

import { useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import type { Video } from "../api";
import { clock, money } from "../format";
import { t } from "../i18n";
import { promptOf } from "./request";
import { NAMES } from "./stage";
import { Strip } from "./strip";
import type { Studio } from "./studio";
import { screenOf, Still } from "./watching";

export function Player({ studio, video }: { studio: Studio; video: Video }) {
  return (
    <>
      <Screen studio={studio} video={video} />
      <Strip studio={studio} video={video} />
      <Actions studio={studio} video={video} />
      <About video={video} isSimulated={studio.app.config.simulated} />
    </>
  );
}

function Screen({ studio, video }: { studio: Studio; video: Video }) {
  const player = useRef<HTMLVideoElement>(null);
  const isMuted = useSignal(true);
  const isThere = useSignal(false);
  const hasFailed = useSignal(false);
  const isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  // Its URL has expired, or the network is down. If another try doesn't help, an error is shown.
  const retry = async () => {
    hasFailed.value = true;
    await studio.refresh(video.job_id);
    player.current?.load();
  };
  useLayoutEffect(() => {
    const online = () => hasFailed.value && retry();
    addEventListener("online", online);
    return () => removeEventListener("online", online);
  }, []);
  const isBroken = hasFailed.value && !isThere.value;
  return (
    <div class="screen" style={screenOf(video)}>
      <Still url={video.poster_url} />
      <video
        ref={player}
        class={isThere.value ? "film there" : "film"}
        src={video.video_url ?? undefined}
        aria-label={promptOf(video)}
        controls
        loop
        muted={isMuted.value}
        playsInline
        autoplay={!isCalm}
        onLoadedData={() => {
          isThere.value = true;
          hasFailed.value = false;
        }}
        onVolumeChange={(event) => (isMuted.value = event.currentTarget.muted)}
        onError={() => hasFailed.value || retry()}
      />
      {isBroken && <p class="words">{t("cannotPlay")}</p>}
      {video.delivered?.audio && (
        <button
          type="button"
          class="sound-button"
          onClick={() => (isMuted.value = !isMuted.value)}
        >
          {t(isMuted.value ? "unmute" : "mute")}
        </button>
      )}
    </div>
  );
}

function Actions({ studio, video }: { studio: Studio; video: Video }) {
  const isRefused = useSignal(false);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(video.video_url ?? "");
      studio.notify("copied");
    } catch {
      isRefused.value = true;
    }
  };
  return (
    <>
      <div class="under">
        <a class="button" href={video.download_url ?? video.video_url ?? ""} download>
          {t("download")}
        </a>
        <button type="button" onClick={copy}>
          {t("copyLink")}
        </button>
        <button type="button" onClick={() => studio.reuse(video)}>
          {t("again")}
        </button>
        <button type="button" onClick={() => studio.tryAnotherProvider(video)}>
          {t("elsewhere")}
        </button>
        <button type="button" class="plain" onClick={() => studio.remove(video.job_id)}>
          {t("delete")}
        </button>
      </div>
      {isRefused.value && <Link url={video.video_url ?? ""} />}
    </>
  );
}

/** Shows the link, selected, where the page may not write to the clipboard. */
function Link({ url }: { url: string }) {
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.select(), []);
  return (
    <label class="link">
      {t("notCopied")}
      <input ref={field} type="url" readOnly value={url} />
    </label>
  );
}

function About({ video, isSimulated }: { video: Video; isSimulated?: boolean }) {
  const prompt = promptOf(video);
  const sent = video.prompt_sent;
  const { ai_model, delivered } = video;
  const facts = [
    ai_model && t("madeBy", NAMES[ai_model]),
    money(video.cost_usd),
    delivered && clock(delivered.duration),
    delivered?.aspect_ratio,
  ];
  return (
    <div class="about">
      <p>{prompt}</p>
      {sent && sent !== prompt && (
        <p class="sent">
          <small class="muted">
            {t("sentAs")} {isSimulated && t("englishSimulated")}
          </small>
          <span lang="en">{sent}</span>
        </p>
      )}
      <p class="muted">
        {facts.filter(Boolean).join("\u00a0· ")}
      </p>
    </div>
  );
}
