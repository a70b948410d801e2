import type { Messages } from "./en";

export const messages: Messages = {
  signInTitle: "이미지\u00a0한\u00a0장과 문장\u00a0하나로 만드는 영상\u00a0한\u00a0편.",
  signInAs: (name) => `${name} 님으로 계속하기`,
  signInWithGoogle: "Google로 계속하기",
  signInByEmail: "로그인 링크 받기",
  email: "이메일 주소",
  emailSent: (address) => `로그인 링크를 보냈습니다: ${address}`,
  linkIs: (link) =>
    link === "bad"
      ? "만료되었거나 이미 쓴 링크입니다. 새 링크를 받아 주세요."
      : "링크를 받은 이메일 주소를 입력해 주세요.",
  signInFailed: "로그인하지 못했습니다. 다시 시도해 주세요.",
  developmentSignIn: "이 컴퓨터의 개발용 사용자 (비밀번호 없음)",
  developmentMe: "‘me’는 README 예제의 사용자이며, ‘make dev’가 이 사용자의 토큰을 출력합니다.",
  leaving: "로그아웃할까요?",
  leavingKeeps:
    "프롬프트와 이미지는 이 브라우저에 남아 있어 다음에 이어서 만들 수 있습니다. 여럿이 쓰는 브라우저라면 지워 주세요. 영상은 어느 쪽이든 내 영상에 그대로 있습니다.",
  leaveAndKeep: "남기고 로그아웃",
  leaveAndErase: "지우고 로그아웃",
  stay: "취소",
};
