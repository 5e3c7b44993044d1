#!/usr/bin/python3
"""Writes the C++ file that holds the page.    embed_assets.py OUT FILE...

The bytes come in by .incbin, so that no compiler has to read them as text.
"""
import sys
from pathlib import Path

out, *files = sys.argv[1:]
lines = ['// Made by embed_assets.py.', '#include "pipeline/console/assets.h"', '']
for i, file in enumerate(files):
    lines.append(f'asm(".section .rodata\\n.global weir_asset_{i}\\nweir_asset_{i}:\\n.incbin \\"{Path(file).resolve()}\\"\\n"\n'
                 f'    ".global weir_asset_{i}_end\\nweir_asset_{i}_end:\\n.byte 0\\n.previous\\n");')
    lines.append(f'extern "C" const char weir_asset_{i}[];\nextern "C" const char weir_asset_{i}_end[];')
lines.append('namespace weir::console {\nstd::span<const Asset> assets() {\n  static const Asset all[] = {')
for i, file in enumerate(files):
    lines.append(f'      {{"{Path(file).name}", {{weir_asset_{i}, static_cast<std::size_t>(weir_asset_{i}_end - weir_asset_{i})}}}},')
lines.append('  };\n  return all;\n}\n}  // namespace weir::console')
Path(out).write_text("\n".join(lines) + "\n", encoding="utf-8")
