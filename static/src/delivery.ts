import type { TypedDocumentNode } from "@graphql-typed-document-node/core";
import type { Answer, Endpoint, Variables } from "./endpoint.ts";
import type { StoredMessage } from "./entries.ts";
import {
  AddReactionDocument,
  DeleteMessageDocument,
  EditMessageDocument,
  MarkReadDocument,
  MarkUnreadDocument,
  RemoveReactionDocument,
  SendMessageDocument,
  type RoomHeadFragment,
} from "./generated/operations.ts";
import type { Row } from "./storage.ts";

/** What the server made of an operation that it took. */
export type Taken =
  | { readonly kind: "message"; readonly message: StoredMessage }
  | { readonly kind: "room"; readonly room: RoomHeadFragment | null }
  /** Waits for a moderator. */
  | { readonly kind: "held" };

/** One try to bring an operation to the server. Its ids make a repeat harmless. */
export function deliver(endpoint: Endpoint, { id, roomId, operation }: Row, signal: AbortSignal): Promise<Answer<Taken>> {
  async function request<Data, Given extends Variables>(
    document: TypedDocumentNode<Data, Given>,
    variables: Given,
    taken: (data: Data) => Taken,
  ): Promise<Answer<Taken>> {
    const answer = await endpoint.execute(document, variables, signal);
    return answer.kind === "data" ? { kind: "data", data: taken(answer.data) } : answer;
  }
  const message = (message: StoredMessage): Taken => ({ kind: "message", message });

  switch (operation.kind) {
    case "send": {
      const { messageId, body, replyToId } = operation;
      const input = { id: messageId, roomId, body, ...(replyToId === null ? {} : { replyToId }) };
      return request(SendMessageDocument, { input }, ({ sendMessage }) =>
        sendMessage.message === null ? { kind: "held" } : message(sendMessage.message),
      );
    }
    case "edit": {
      const input = { messageId: operation.messageId, body: operation.body, opId: id };
      return request(EditMessageDocument, { input }, ({ editMessage }) => message(editMessage.message));
    }
    case "delete": {
      const input = { messageId: operation.messageId, opId: id };
      return request(DeleteMessageDocument, { input }, ({ deleteMessage }) => message(deleteMessage.message));
    }
    case "addReaction": {
      const input = { messageId: operation.messageId, emoji: operation.emoji, opId: id };
      return request(AddReactionDocument, { input }, ({ addReaction }) => message(addReaction.message));
    }
    case "removeReaction": {
      const input = { messageId: operation.messageId, emoji: operation.emoji, opId: id };
      return request(RemoveReactionDocument, { input }, ({ removeReaction }) => message(removeReaction.message));
    }
    case "markRead": {
      const input = { roomId, seq: operation.seq, opId: id };
      return request(MarkReadDocument, { input }, ({ markRead }) => ({ kind: "room", room: markRead.room }));
    }
    case "markUnread": {
      const input = { roomId, seq: operation.seq, opId: id };
      return request(MarkUnreadDocument, { input }, ({ markUnread }) => ({ kind: "room", room: markUnread.room }));
    }
    default:
      return operation satisfies never;
  }
}
