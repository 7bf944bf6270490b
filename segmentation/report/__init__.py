"""The page for who decides: facts that the notebooks leave as data, and a template.

Each of the three main notebooks leaves one file, ``build/<notebook>.json``, which `facts` writes
and `page` reads. Shares, rates, precision and recall are from 0 to 1, and intervals hold 95 %::

    {
      "format": 1,
      "notebook": "kmeans",
      "method": "k-means",
      "table": {
        "name": "train.csv",
        "source": "The customers are those of ...",      Markdown, as every notebook shows it
        "customers": 45211,                              rows of the table
        "kept": 40691,                                   of them in segments; the rest is set aside
        "columns": ["age", "job", "credit default"]      what they are grouped by, in words
      },
      "target": {                                        null without one of two values
        "column": "y",
        "label": "y",
        "positive": "yes",                               the value whose rate is told
        "rate": {"share": 0.117, "low": 0.114, "high": 0.120, "customers": 40691, "positives": 4760}
      },
      "measure": {                                       null unless the target is a number
        "column": "spent_next", "label": "money of the next period",
        "money": true,                                   whether it is an amount of money
        "all": {"mean": 15.5, "low": 14.7, "high": 16.4, "share": 0.46, "customers": 21151}
      },
      "money": {                                         null without value and cost, or a target
        "value": 60.0, "cost": 5.0,
        "break_even": 0.0833,                            the rate from which on a contact pays
        "example": true                                  whether nobody set them
      },
      "periods": {                                       null where no order of time is known
        "by": "the order of the rows",                   or the column of dates
        "since": "April 2009",                           the month that the later ones begin in
        "earlier": 0.7                                   the share of customers that came first
      },
      "set_aside": {                                     the unusual ones, judged as a segment is
        "customers": 4520, "traits": [], "target": {}, "measure": {}, "periods": {}, "profit": {}
      },
      "groups": {"found": true, "p": 0.05, "n_twins": 19, "k": 5, "sentence": "there is ..."},
      "seeds": {"low": 0.99, "high": 1.0},               agreement with other seeds (adjusted Rand)
      "segments": [
        {
          "segment": 1,                                  by size, 1 is the largest
          "name": "No housing loan, aged 35 or more",
          "mixed": false,                                whether no short rule finds it well
          "rule": "\\"housing\\" = 'no' AND \\"age\\" >= 35",
          "precision": 0.87, "recall": 0.92, "f1": 0.89,  of the search for names, held out
          "customers": 10623, "share": 0.261,            of those kept
          "set_aside": 812,                              unusual ones that are nearest to it
          "typical": [{"label": "age", "value": "47"}],  the real row nearest to the centre
          "traits": [                                    at most six, the strongest first
            {"label": "housing loan: no", "value": 1.0, "overall": 0.43, "effect": 1.2,
             "number": false, "text": "100% against 43%"}
          ],
          "target": {"share": 0.15, "low": 0.14, "high": 0.16, "customers": 10623, "positives": 9},
          "periods": {                                   rates as above; null without periods
            "earlier": {"share": 0.07, "decision": "do not contact"},
            "later": {"share": 0.28, "decision": "contact"}
          },
          "measure": {"mean": 31.2, "low": 28.1, "high": 34.9, "share": 0.4, "customers": 9000},
          "amounts": [{"label": "balance", "mean": 1441.8, "overall": 1173.6, "share": 0.32}],
          "stability": {"jaccard": 0.93, "low": 0.81, "high": 0.99, "verdict": "stable"},
          "confidence": 0.31,                            median; 0 on the border, 1 on the centre
          "next": {"segment": 4, "share": 0.55},         the second nearest for most, for how many
          "profit": {                                    per contact; null without money
            "mean": 4.0, "low": 3.4, "high": 4.6,
            "decision": "contact"                        or "do not contact", or "not decided",
                                                         or "depends on the period"
          }
        }
      ],
      "downloads": ["segments_kmeans.csv", "segments_kmeans.parquet", "segments_kmeans.sql"]
    }

The verdict of stability is "stable" from a Jaccard coefficient of 0.75 on, "dissolved" below 0.6,
else "doubtful" (Hennig 2007). A target is null in a segment where it is null for all.
"""
