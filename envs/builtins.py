"""The environments that come with turngym, by id; each module is imported when its environment is made."""

from __future__ import annotations

from turngym.envs.registration import register

register("turngym/Corridor-v0", "turngym.envs.corridor:Corridor")
register("turngym/Household-v0", "turngym.envs.household.env:Household")
register("turngym/ALFWorld-v0", "turngym.envs.alfworld:ALFWorld")
register("turngym/TextWorld-v0", "turngym.envs.textworld.env:TextWorld", extra="textworld")
register(
    "turngym/TextWorldExpress-v0", "turngym.envs.textworldexpress:TextWorldExpress", extra="textworldexpress"
)
register("turngym/ScienceWorld-v0", "turngym.envs.scienceworld:ScienceWorld", extra="scienceworld")
register("turngym/TauRetail-v0", "turngym.envs.tools.tau.env:TauRetail")
register("turngym/TauAirline-v0", "turngym.envs.tools.tau.env:TauAirline")
register("turngym/Sokoban-v0", "turngym.envs.sokoban.env:Sokoban")
register("turngym/Library-v0", "turngym.envs.tools.library.env:Library")
register("turngym/VirtualHome-v0", "turngym.envs.virtualhome.env:VirtualHome", extra="virtualhome")
register("turngym/DataTasks-v0", "turngym.envs.datatasks.env:DataTasks")
register("turngym/WebShop-v0", "turngym.envs.webshop.env:WebShop")
register("turngym/MiniGrid-v0", "turngym.envs.minigrid.env:MiniGrid", extra="minigrid")
register("turngym/SearchQA-v0", "turngym.envs.searchqa.env:SearchQA")
register("turngym/Bargain-v0", "turngym.envs.bargain.env:Bargain")
register("turngym/TextArena-v0", "turngym.envs.textarena.env:TextArena", extra="textarena")
register("turngym/GEM-v0", "turngym.envs.gem.env:GEM", extra="gem")
register("turngym/ReasoningGym-v0", "turngym.envs.reasoning_gym.env:ReasoningGym", extra="reasoning")
register("turngym/MCP-v0", "turngym.envs.tools.mcp_env:MCPEnv", extra="mcp")
register("turngym/OpenEnv-v0", "turngym.envs.bridges.openenv_client:OpenEnv", extra="openenv")
register("turngym/BrowserGym-v0", "turngym.envs.bridges.browsergym:BrowserGym", extra="browsergym")
register("turngym/MiniWoB-v0", "turngym.envs.miniwob.env:MiniWoB", extra="miniwob")
