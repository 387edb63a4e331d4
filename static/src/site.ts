/** What every page needs, the room's among them: small enough to load everywhere. */
import { askBeforeLogOut } from "./logout.ts";
import { tendMenus } from "./menus.ts";

tendMenus(document.body);

const viewerId = document.querySelector<HTMLMetaElement>('meta[name="todoku-viewer"]')?.content ?? "";
const asksByItself = document.body.matches(".room-page");
if (viewerId !== "" && !asksByItself) askBeforeLogOut(document.body, viewerId);
