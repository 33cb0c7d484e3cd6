"""Pictures and pages, from plans and stored records only; loads no backend."""

from cerebros.report._page import network_to_html as network_to_html
from cerebros.report._svg import network_to_svg as network_to_svg
from cerebros.report._write import write_picture as write_picture
