"""The command line's commands: one function a file, its signature is its configuration."""

COMMANDS: dict[str, str] = {
    "demo": "anabranch.commands.demo:demo",
    "methods": "anabranch.commands.methods:methods",
    "data collect": "anabranch.commands.collect:collect",
    "data describe": "anabranch.commands.describe:describe",
    "data reprice": "anabranch.commands.reprice:reprice",
    "data split": "anabranch.commands.split:split",
    "pocket prompts": "anabranch.commands.pocket_prompts:prompts",
    "pocket table": "anabranch.commands.pocket_table:table",
    "train": "anabranch.commands.train:train",
    "calibrate": "anabranch.commands.calibrate:calibrate",
    "evaluate": "anabranch.commands.evaluate:evaluate",
    "export": "anabranch.commands.export:export",
    "inspect": "anabranch.commands.inspect:inspect",
    "route": "anabranch.commands.route:route",
    "fuse": "anabranch.commands.fuse:fuse",
    "serve": "anabranch.commands.serve:serve",
}
