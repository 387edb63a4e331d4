/** What every page needs, the room's among them: small enough to load everywhere. */
import { tendMenus } from "./menus.ts";

tendMenus(document.body);
