/** Runs the recipes of the documents that need zsh, fish or grpcurl, and those that wait. */
import assert from "node:assert/strict";
import { dirname } from "node:path";
import { grpcurl } from "../../tools/peers/grpc.ts";
import { systemPeer } from "../../tools/peers/install.ts";
import { linuxTest, posixTest } from "../support/program.ts";
import { allRecipes, runRecipe, withoutServer } from "../support/recipes.ts";
import { fish, zsh, zshEnvironment } from "./shells.ts";

const jqPeer = systemPeer("jq", ["jq"]);

const shells = { zsh: { find: zsh, setup: zshEnvironment }, fish: { find: fish, setup: "" } };

for (const [name, { find, setup }] of Object.entries(shells)) {
  linuxTest(`the recipes of the documents for ${name} work in it`, async () => {
    const recipes = (await allRecipes()).filter(({ language }) => language === name);
    assert.notEqual(recipes.length, 0);
    const shell = await find();
    for (const recipe of recipes) await runRecipe(recipe, shell, { setup });
  });
}

posixTest("the recipes of the documents for grpcurl and jq work with them", async () => {
  const recipes = (await allRecipes())
    .filter(({ language, text }) => language === "console" && /^\$ (?:grpcurl|jq) /m.test(text));
  assert.notEqual(recipes.length, 0);
  const path = [dirname(await grpcurl())];
  const jq = await jqPeer();
  for (const { text, ...recipe } of recipes) {
    const here = text.replaceAll(/(?<=[$|] )jq /g, () => `${jq} `);
    await runRecipe({ ...recipe, text: here }, "sh", { path });
  }
});

posixTest(
  "the commands of the documents end by themselves where no server has started",
  async () => {
    const recipes = (await allRecipes()).filter(({ language }) => language === "console");
    assert.notEqual(recipes.length, 0);
    const path = [dirname(await grpcurl())];
    for (const recipe of recipes) await runRecipe(withoutServer(recipe), "sh", { path });
  },
);
