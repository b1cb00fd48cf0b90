package report_test

import (
	"os"
	"path/filepath"
	"testing"

	"yiwang/city"
	"yiwang/incident"
	"yiwang/internal/story"
	"yiwang/web/report"
)

// Reporting with a photo as nobody, the same matter offered to whoever comes next,
// following and rating it: with scripts and without, small and large, in both
// languages and in elder mode. axe looks at every page on the way.
func TestReportingInABrowser(t *testing.T) {
	story.Available(t)
	shot := filepath.Join(t.TempDir(), "井盖.jpg")
	if err := os.WriteFile(shot, photo(3000, 2000), 0o600); err != nil {
		t.Fatal(err)
	}
	views := []story.View{
		{Size: story.Phone, Lang: city.Chinese},
		{Size: story.Laptop, Lang: city.English, NoScript: true},
		{Size: story.Phone, Lang: city.Chinese, Elder: true},
	}
	if os.Getenv("YIWANG_SOAK") != "" || os.Getenv("YIWANG_SCREENSHOTS") != "" {
		views = append(views, story.View{Size: story.Laptop, Lang: city.English}, story.View{Size: story.Phone, Lang: city.English})
	}
	for _, view := range views {
		t.Run(view.String(), func(t *testing.T) {
			w := jianghai(t)
			say := func(zh, en string) string { return city.Text{ZhHans: zh, En: en}.In(view.Lang) }
			first := w.reports(incident.Report{Class: "c0101", Text: "井盖不见了", Place: city.Place{Lat: 31.933, Lon: 121.040}})
			v := story.Visit(t, w.url, view)
			v.Go(report.Path + "?lang=" + string(view.Lang))
			v.Screenshot("1-report")
			if view.Elder {
				v.ExpectTargets(60)
				v.ExpectTypeSize(18)
			}
			send := say("报给城市", "Report it")
			v.Go(report.Path + "?lat=31.9331&lon=121.0401")
			v.Fill(say("用自己的话说", "In your own words"), say("门口的井盖不见了", "A manhole cover is missing"))
			if view.NoScript {
				v.Click(send)
			}
			v.Expect(say("附近有人报过，是同一件吗？", "Is it the same?"))
			v.Screenshot("1-same")
			if view.Elder {
				v.ExpectTargets(60)
			}
			v.Go(report.Path)
			v.Click(send)
			v.Expect(say("请说一下在哪里", "Please say where it is"))
			v.Screenshot("2-faults")
			v.Fill(say("地址或附近的标志", "Address, or what is near"), "海棠里 6 幢门口")
			v.Fill(say("用自己的话说", "In your own words"), say("门口的井盖不见了", "A manhole cover is missing"))
			v.Upload(say("拍张照片", "Photos"), shot)
			if view.NoScript {
				v.Click(send)
			}
			v.Expect(say("像是", "This looks like"))
			v.Screenshot("3-guess")
			v.Choose(say("不见了", "It is missing"))
			v.Click(send)
			v.Expect(say("收到了，谢谢您", "We have it. Thank you"))
			v.Screenshot("4-done")
			v.Click(say("看看办到哪一步了", "See how it goes"))
			v.Expect("海棠里 6 幢门口")
			if n := v.Count(`.shots img[src^="/report/follow/photo/"]`); n != 1 {
				t.Errorf("%d photos reached the matter", n)
			}
			v.Screenshot("5-follow")
			v.Go(report.SeenPath(first.Number))
			v.Screenshot("6-seen")
			v.Click(say("我也看到了", "I see this, too"))
			v.Screenshot("7-join")
			v.Fill(say("用自己的话说", "In your own words"), say("我也看到了", "I see it, too"))
			v.Click(send)
			v.Expect(say("已经有人报过", "reported before"))
			class, _ := w.incidents.Class("c0101")
			w.mends(first.Number, class.Post)
			v.Click(say("看看办到哪一步了", "See how it goes"))
			v.Expect(say("处理以后", "Afterwards"))
			v.Screenshot("8-over")
			v.Choose(say("满意", "Satisfied"))
			v.Click(say("交评价", "Send"))
			v.Expect(say("谢谢您的评价", "Thank you for your opinion"))
			if view.Elder {
				v.ExpectTargets(60)
			}
			v.Click(say("看完了，不在这台设备上留着", "I am done; don't keep it on this device"))
			v.Expect(say("报的事办得怎么样了？", "How is your report doing?"))
			v.Screenshot("9-find")
			v.Go(report.PathList)
			v.Screenshot("10-list")
		})
	}
}
