// 페이지의 한국어 문구. 키는 en.ts와 같습니다.

import type { Messages } from "./en";

export const messages: Messages = {
  // Shell
  make: "만들기",
  usage: "사용량",
  admin: "관리",
  signOut: "로그아웃",
  simulated: "시뮬레이션",
  nothingIsPaid: "결제되지 않습니다",
  otherLanguage: "English",
  aiNotice: "AI가 만드는 영상입니다. 제공업체가 파일에 넣은 AI 생성 표시는 그대로 남습니다.",
  adminOnly: "관리자만 볼 수 있는 페이지입니다.",
  loading: "불러오는 중 …",
  noPage: "페이지를 찾을 수 없습니다.",
  cannotStart: "서비스에 연결할 수 없습니다. 네트워크를 확인한 뒤 새로고침해 주세요.",
  reload: "새로고침",
};
