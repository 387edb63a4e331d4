/** All that the scripts say, in English and Japanese; what is missing in one of them does not compile. */
import type { Failure } from "./outbox.ts";

const english = {
  /** Stands between two sentences. */
  between: " ",
  arrival: {
    waiting: "Waiting here",
    sending: "On its way",
    stored: "Stored",
    seen: "Seen",
    held: "Held for a moderator",
    refused: "Not sent",
  },
  somebodyWhoLeft: "Somebody who left",
  messageDeleted: "This message was deleted.",
  editedAt: (when: string) => `Edited ${when}`,
  said: (name: string, text: string) => `${name}: ${text}`,
  reactedBy: (emoji: string, names: string) => `${emoji} ${names}`,
  andOthers: (names: string, others: number) => `${names} and ${others} more`,
  toPresent: (count: number) =>
    count === 0 ? "To the present" : count === 1 ? "1 new message" : `${count} new messages`,
  notFound: "That message can't be shown any more.",

  enterSends: "Enter sends, Shift+Enter breaks the line",
  enterSaves: "Enter saves, Esc cancels",
  replyingTo: (name: string) => `Reply to ${name}`,
  editing: "Edit your message",
  charactersLeft: (count: number) => (count === 1 ? "1 character left" : `${count} characters left`),
  charactersOver: (count: number) => (count === 1 ? "1 character too many" : `${count} characters too many`),
  typing: (names: readonly string[]) =>
    names.length === 0
      ? ""
      : names.length === 1
        ? `${names[0]} is writing`
        : names.length === 2
          ? `${names[0]} and ${names[1]} are writing`
          : "Several people are writing",
  archived: (when: string) => `This room has been read-only since ${when}. What you wrote stays here.`,
  muted: (when: string) => `A moderator has asked you to pause here until ${when}. What you wrote stays here.`,
  removed: "You can no longer read this room. What you wrote stays here.",

  connected: "Connected",
  connecting: "Connecting",
  reconnectingNow: "Reconnecting",
  reconnectingIn: (seconds: number) => `Reconnecting in ${seconds} s.`,
  reconnecting: "Reconnecting.",
  offlineIn: (seconds: number) => `No network; trying again in ${seconds} s.`,
  offline: "No network",
  catchingUp: "Fetching what you missed.",
  notTaken: (seconds: number) => `The server is not answering; trying again in ${seconds} s.`,
  waitingHere: (count: number) =>
    count === 0
      ? ""
      : count === 1
        ? "1 message is waiting here and will be sent."
        : `${count} messages are waiting here and will be sent.`,
  notKept: "This browser keeps nothing once the page is closed.",
  tryNow: "Try now",
  upToDate: "Up to date",
  signedOut: "You are signed out.",
  logIn: "Log in",
  forbidden: "This account can't connect any more.",
  tokenOld: "This page is out of date.",
  loadAgain: "Load it again",
  keptHere: (count: number) =>
    count === 0 ? "" : count === 1 ? "1 unsent message is kept here." : `${count} unsent messages are kept here.`,
  figures: {
    state: "State",
    since: "Since",
    roundTrip: "There and back",
    lastHeard: "Server last heard",
    lastEvent: "Last change here",
    unsent: "Waiting here",
    kept: "Kept when closed",
    reconnections: "Latest reconnections",
    none: "none",
    yes: "yes",
    no: "no",
    milliseconds: (count: number) => `${count} ms`,
    secondsAgo: (count: number) => `${count} s ago`,
    reconnection: (when: string, seconds: string) => `${when}, after ${seconds} s`,
  },

  role: { MEMBER: "", MODERATOR: "moderator", OWNER: "owner" },
  presence: { ONLINE: "here now", AWAY: "away", OFFLINE: "" },
  moreAbout: (name: string) => `More about ${name}`,
  furtherMembers: (count: number) => (count === 1 ? "and 1 more" : `and ${count} more`),
  nobodyOfThatName: "Nobody here has that user name.",

  deleteTitle: "Delete this message?",
  deleteWords: "Its words are erased for everybody, for good.",
  delete: "Delete",
  removeTitle: (name: string) => `Remove ${name} from this room?`,
  removeWords: "They stop receiving what is said here at once.",
  remove: "Remove",
  logOutTitle: "Log out with unsent messages?",
  logOutWords: (count: number) =>
    count === 1
      ? "1 message has not been sent yet. It is kept in this browser and goes out when you log in again here."
      : `${count} messages have not been sent yet. They are kept in this browser and go out when you log in again here.`,
  logOut: "Log out",

  keys: [
    ["Enter", "Send"],
    ["Shift+Enter", "Break the line"],
    ["↑", "In an empty composer: edit your last message"],
    ["Tab, ↑, ↓", "To the messages, and among them"],
    ["R, E, C", "On a message: reply, edit, copy"],
    ["+", "On a message: react"],
    ["Delete", "On a message: delete"],
    ["Esc", "Close, cancel, back to the composer"],
    ["End", "To the present"],
    ["?", "These keys"],
  ] as readonly (readonly [string, string])[],

  refusals: {
    ROOM_UNKNOWN: "Not sent: this room is gone, or no longer open to you.",
    MESSAGE_UNKNOWN: "Not done: that message is gone.",
    PERSON_UNKNOWN: "Nobody here has that user name.",
    BANNED: "Not sent: your account has been barred.",
    NOT_A_MEMBER: "Not sent: you are no longer a member of this room.",
    NOT_ALLOWED: "That is not yours to do here.",
    ROOM_ARCHIVED: "Not sent: this room is read-only now. Your text is kept.",
    MUTED: "Not sent: a moderator has asked you to pause here. Your text is kept.",
    LAST_OWNER: "A room needs an owner: make somebody else one first.",
    EMPTY_MESSAGE: "Not sent: the message is empty.",
    BODY_TOO_LONG: "Not sent: the message is too long. Copy it, and send it in parts.",
    BODY_INVALID: "Not sent: the message has characters that can't be stored.",
    REPLY_ELSEWHERE: "Not sent: it answers a message of another room.",
    MESSAGE_DELETED: "Not done: that message was deleted meanwhile.",
    EMOJI_INVALID: "That is not an emoji.",
    TOO_MANY_EMOJI: "This message has as many different reactions as it can hold.",
    NAME_INVALID: "A room can't be called that.",
    TOPIC_INVALID: "That topic can't be used.",
    ID_TAKEN: "Not sent: something else already has its number. Copy the text, and send it again.",
    TOO_MANY_PEOPLE: "There are too many people here for that.",
  },
  refusedOtherwise: "Not sent: the server refused it. Your text is kept.",
  failedOtherwise: "That did not work. Try again in a moment.",
};

type Words = typeof english;

const japanese: Words = {
  between: "",
  arrival: {
    waiting: "送信待ち",
    sending: "送信中",
    stored: "届きました",
    seen: "既読",
    held: "確認待ち",
    refused: "送れませんでした",
  },
  somebodyWhoLeft: "退会した人",
  messageDeleted: "このメッセージは削除されました。",
  editedAt: (when) => `${when}に編集`,
  said: (name, text) => `${name}：${text}`,
  reactedBy: (emoji, names) => `${emoji} ${names}`,
  andOthers: (names, others) => `${names}、ほか${others}人`,
  toPresent: (count) => (count === 0 ? "最新のメッセージへ" : `新しいメッセージ${count}件`),
  notFound: "そのメッセージは、もう表示できません。",

  enterSends: "Enterで送信、Shift+Enterで改行",
  enterSaves: "Enterで保存、Escで取り消し",
  replyingTo: (name) => `${name}さんに返信`,
  editing: "メッセージを編集",
  charactersLeft: (count) => `あと${count}文字`,
  charactersOver: (count) => `${count}文字多すぎます`,
  typing: (names) =>
    names.length === 0
      ? ""
      : names.length < 3
        ? `${names.map((name) => `${name}さん`).join("と")}が入力しています`
        : "何人かが入力しています",
  archived: (when) => `このルームは${when}から読むだけになりました。書きかけの文章はここに残っています。`,
  muted: (when) => `モデレーターの依頼により、${when}までここには書けません。書きかけの文章はここに残っています。`,
  removed: "このルームは、もう読めません。書きかけの文章はここに残っています。",

  connected: "接続しています",
  connecting: "接続中",
  reconnectingNow: "再接続中",
  reconnectingIn: (seconds) => `${seconds}秒後に再接続します。`,
  reconnecting: "再接続しています。",
  offlineIn: (seconds) => `ネットワークにつながっていません。${seconds}秒後に試します。`,
  offline: "オフライン",
  catchingUp: "届いていた分を受け取っています。",
  notTaken: (seconds) => `サーバーから返事がありません。${seconds}秒後に試します。`,
  waitingHere: (count) => (count === 0 ? "" : `${count}件が送信待ちです。つながりしだい送ります。`),
  notKept: "このブラウザでは、ページを閉じると残りません。",
  tryNow: "今すぐ試す",
  upToDate: "すべて届いています",
  signedOut: "ログアウトしています。",
  logIn: "ログイン",
  forbidden: "このアカウントでは、もう接続できません。",
  tokenOld: "このページは古くなっています。",
  loadAgain: "読み込み直す",
  keptHere: (count) => (count === 0 ? "" : `未送信の${count}件は、ここに残っています。`),
  figures: {
    state: "状態",
    since: "接続開始",
    roundTrip: "往復",
    lastHeard: "サーバーからの最後の応答",
    lastEvent: "最後の更新",
    unsent: "送信待ち",
    kept: "閉じても残る",
    reconnections: "最近の再接続",
    none: "なし",
    yes: "はい",
    no: "いいえ",
    milliseconds: (count) => `${count}ミリ秒`,
    secondsAgo: (count) => `${count}秒前`,
    reconnection: (when, seconds) => `${when}（${seconds}秒後に復帰）`,
  },

  role: { MEMBER: "", MODERATOR: "モデレーター", OWNER: "オーナー" },
  presence: { ONLINE: "オンライン", AWAY: "離席中", OFFLINE: "" },
  moreAbout: (name) => `${name}さんのメニュー`,
  furtherMembers: (count) => `ほか${count}人`,
  nobodyOfThatName: "そのユーザー名の人はいません。",

  deleteTitle: "このメッセージを削除しますか",
  deleteWords: "全員の画面から消え、元に戻せません。",
  delete: "削除する",
  removeTitle: (name) => `${name}さんをこのルームから外しますか`,
  removeWords: "外すと、ここでの会話はすぐに届かなくなります。",
  remove: "外す",
  logOutTitle: "未送信のままログアウトしますか",
  logOutWords: (count) =>
    `まだ送っていないメッセージが${count}件あります。このブラウザに残り、次にここでログインしたときに送ります。`,
  logOut: "ログアウトする",

  keys: [
    ["Enter", "送信"],
    ["Shift+Enter", "改行"],
    ["↑", "入力欄が空のとき、直前の自分のメッセージを編集"],
    ["Tab・↑・↓", "メッセージへ移る、前後に動く"],
    ["R・E・C", "メッセージの上で、返信・編集・コピー"],
    ["+", "メッセージの上で、リアクション"],
    ["Delete", "メッセージの上で、削除"],
    ["Esc", "閉じる、取り消す、入力欄に戻る"],
    ["End", "最新のメッセージへ"],
    ["?", "このキー一覧"],
  ],

  refusals: {
    ROOM_UNKNOWN: "送れませんでした。このルームはなくなったか、入れなくなっています。",
    MESSAGE_UNKNOWN: "元のメッセージが、もうありません。",
    PERSON_UNKNOWN: "そのユーザー名の人はいません。",
    BANNED: "送れませんでした。このアカウントは利用を止められています。",
    NOT_A_MEMBER: "送れませんでした。もうこのルームのメンバーではありません。",
    NOT_ALLOWED: "ここでは、その操作はできません。",
    ROOM_ARCHIVED: "送れませんでした。このルームは読むだけになっています。文章は残っています。",
    MUTED: "送れませんでした。モデレーターの依頼により、しばらく書けません。文章は残っています。",
    LAST_OWNER: "ルームにはオーナーが必要です。先にほかの人をオーナーにしてください。",
    EMPTY_MESSAGE: "送れませんでした。メッセージが空です。",
    BODY_TOO_LONG: "送れませんでした。長すぎます。コピーして、分けて送ってください。",
    BODY_INVALID: "送れませんでした。保存できない文字が含まれています。",
    REPLY_ELSEWHERE: "送れませんでした。返信先が別のルームのメッセージです。",
    MESSAGE_DELETED: "そのメッセージは、すでに削除されています。",
    EMOJI_INVALID: "絵文字ではありません。",
    TOO_MANY_EMOJI: "このメッセージには、これ以上の種類のリアクションを付けられません。",
    NAME_INVALID: "その名前は使えません。",
    TOPIC_INVALID: "そのトピックは使えません。",
    ID_TAKEN: "送れませんでした。番号が重なっています。文章をコピーして、もう一度送ってください。",
    TOO_MANY_PEOPLE: "人数が多すぎます。",
  },
  refusedOtherwise: "送れませんでした。サーバーが受け付けませんでした。文章は残っています。",
  failedOtherwise: "うまくいきませんでした。少し待って、もう一度試してください。",
};

/** The page's language, as `<html lang>` says. */
export const LANGUAGE = document.documentElement.lang || "en";

export const words: Words = LANGUAGE.startsWith("ja") ? japanese : english;

/** Why something was refused, in words. */
export function reasonInWords(failure: Pick<Failure, "reason">): string {
  const known: Readonly<Record<string, string>> = words.refusals;
  return known[failure.reason ?? ""] ?? words.refusedOtherwise;
}
