// 페이지의 한국어 문구. 키는 en.ts와 같습니다.

import type { Messages } from "./en";

export const messages: Messages = {
  // Shell
  make: "만들기",
  usage: "사용량",
  admin: "운영",
  signOut: "로그아웃",
  otherLanguage: "English",
  signInTitle: "이미지 한 장, 한 문장, 한 편의 영상.",
  signInAs: (name) => `${name}(으)로 계속하기`,
  signInWithGoogle: "Google로 계속하기",
  signInByEmail: "링크 받기",
  email: "이메일 주소",
  emailSent: (address) => `${address}로 로그인 링크를 보냈습니다.`,
  linkIs: (link) =>
    link === "bad"
      ? "만료되었거나 이미 쓴 링크입니다. 새 링크를 받아 주세요."
      : "링크를 받은 이메일 주소를 입력해 주세요.",
  signInFailed: "로그인하지 못했습니다. 다시 시도해 주세요.",
  developmentSignIn: "이 컴퓨터의 개발용 사용자 (비밀번호 없음)",
  aiNotice: "AI가 만드는 영상이며, 파일에 그 표시가 남습니다.",
  adminOnly: "관리자만 볼 수 있는 페이지입니다.",
  cannotStart: "서비스에 연결할 수 없습니다. 네트워크를 확인한 뒤 새로고침해 주세요.",
  reload: "새로고침",
};
