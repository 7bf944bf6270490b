"""How Sphinx makes the site; `docs/build.py` lays out what it reads."""

project = "Customer segmentation"
extensions = ["myst_nb", "sphinx.ext.autodoc", "numpydoc"]
exclude_patterns = ["README.md"]
default_role = "py:obj"

# The committed outputs are shown.
nb_execution_mode = "off"
nb_code_prompt_show = nb_code_prompt_hide = "Code"
myst_heading_anchors = 3

autodoc_member_order = "bysource"
# Added by scikit-learn to every estimator, and explained in its own guide.
autodoc_default_options = {"exclude-members": "set_fit_request, set_score_request"}
# The members of a class have their own entries.
numpydoc_show_class_members = False

html_theme = "furo"
html_title = project
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_copyright = False
html_show_sphinx = False
