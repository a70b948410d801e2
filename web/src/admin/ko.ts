import type { Generation } from "../api";
import { messages as usage } from "../usage/ko";
import type { Messages } from "./en";

type Level = Generation["level"];

const LEVELS: Record<Level, string> = { normal: "정상", tight: "절약", paused: "일시 중지" };
const TO: Record<Level, string> = { normal: "정상으로", tight: "절약으로", paused: "일시 중지로" };
const WHAT_THEY_DO: Record<Level, string> = {
  normal:
    "모든 제공업체에 요청합니다. 이 단계로 바꾸면 다음 기간이 시작될 때까지 예산에 따른 제한이 적용되지 않습니다.",
  tight: "새 영상은 저렴한 제공업체에만 요청합니다.",
  paused: "새 영상을 시작하지 않습니다. 이미 결제된 영상은 끝까지 만듭니다.",
};

export const messages: Messages = {
  ...usage,
  adminTitle: "관리",
  switchTitle: "영상 생성 스위치",
  level: (level) => LEVELS[level],
  levelDoes: (level) => WHAT_THEY_DO[level],
  inForce: (level) => `지금: ${LEVELS[level]}`,
  setBy: (who, when) => `${who} · ${when}`,
  notSet: "아직 아무도 바꾸지 않았습니다.",
  why: "이유",
  whyMissing: "바꾸는 이유를 적어 주세요.",
  reasonHint: "다음 관리자가 볼 수 있도록 스위치와 함께 남습니다.",
  setLevel: (level) => `${TO[level]} 바꾸기`,
  levelSet: (level) => `${TO[level]} 바꿨습니다.`,
  levelNotSet: (why) =>
    `바꾸지 못했습니다. 입력한 이유는 그대로 있으니 다시 시도해 주세요. ${why}`.trim(),
  budgetsTitle: "Google Cloud 예산",
  budgetsSay: (level) => `예산에 따른 단계: ${LEVELS[level]}`,
  budget: (id) => `예산 ${id}`,
  budgetUsed: (percent) => `${percent} 사용`,
  budgetSince: (day) => `${day}부터`,
  overridden: "다음 기간까지 관리자 설정이 우선",
  noBudgets: "아직 예산 알림이 없습니다.",
  everybody: "전체 사용자",
};
