// Draws every [data-chart] with ECharts in one theme. The options come from the server; this file only adds looks.
(function () {
  "use strict";
  const style = getComputedStyle(document.documentElement);
  function colour(name) { return style.getPropertyValue("--" + name).trim(); }
  const ink = colour("ink"), quiet = colour("quiet"), rule = colour("rule");
  const theme = {
    color: [colour("brand"), colour("refused"), colour("confirmed"), colour("late"), colour("unknown"), colour("waiting")],
    textStyle: { fontFamily: style.getPropertyValue("--tblr-font-sans-serif"), color: ink },
  };
  document.querySelectorAll("[data-chart]").forEach(function (box) {
    const options = JSON.parse(box.dataset.chart);
    const chart = echarts.init(box, theme, { renderer: "canvas" });
    const axis = { axisLine: { lineStyle: { color: rule } }, axisLabel: { color: quiet, hideOverlap: true }, splitLine: { lineStyle: { color: rule } }, axisTick: { show: false } };
    ["xAxis", "yAxis"].forEach(function (name) { options[name] = Object.assign({}, axis, options[name]); });
    let room = 24; // for the words at the ends of lines
    (options.series || []).forEach(function (series) {
      if (series.tone) { series.color = colour(series.tone); }
      if (series.areaTone) { series.areaStyle = { color: colour(series.areaTone), opacity: 0.5 }; }
      if (series.markArea) { series.markArea.itemStyle = { color: colour("muted-soft"), opacity: 0.9 }; series.markArea.label = { color: quiet, textBorderWidth: 0, position: "insideTop" }; }
      if (series.endLabel) {
        Object.assign(series.endLabel, { color: ink, textBorderWidth: 0 });
        series.labelLayout = { moveOverlap: "shiftY" };
        room = Math.max(room, 14 * String(series.endLabel.formatter).length + 12);
      }
    });
    options.animation = false;
    options.grid = Object.assign({ left: 24, right: room, top: 24, bottom: 8, containLabel: true }, options.grid);
    options.tooltip = Object.assign({ trigger: "axis", renderMode: "richText", confine: true }, options.tooltip);
    chart.setOption(options);
    window.addEventListener("resize", function () { chart.resize(); });
  });
})();
